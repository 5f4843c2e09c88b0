using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Collector.Linux.Interop;

namespace Collector.Worker.Tls;

/// <summary>Certificates and keys as operators have them: PEM files.</summary>
internal static class Pem
{
    /// <summary>Largest file that is read, in bytes: the system's whole bundle has a fifth of it.</summary>
    private const int LargestSize = 1 << 20;

    /// <exception cref="IOException">It is no file, too large, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static string Read(string path) => Encoding.UTF8.GetString(NamedFile.Read(path, LargestSize));

    /// <summary>Every certificate of a text, without keys.</summary>
    /// <exception cref="CryptographicException">There is none.</exception>
    public static X509Certificate2Collection Certificates(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("no certificate in it");
    }

    /// <summary>The first certificate of a text with its key.</summary>
    /// <exception cref="CryptographicException">One of them is none, or they do not belong together.</exception>
    public static X509Certificate2 WithKey(string certificate, string key)
    {
        var pair = X509Certificate2.CreateFromPem(certificate, key);
        if (!OperatingSystem.IsWindows())
            return pair;
        // Schannel cannot use a key that lives in memory only (dotnet/runtime issue 23749).
        using (pair)
            return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>True for a key that takes a passphrase (RFC 7468, 11; RFC 1421).</summary>
    public static bool IsEncrypted(string key) =>
        key.Contains("BEGIN ENCRYPTED PRIVATE KEY", StringComparison.Ordinal)
        || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal);
}
