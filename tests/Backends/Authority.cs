using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Backends.Tests;

/// <summary>A certificate authority for one test, with its files in a folder that goes with it.</summary>
internal sealed class Authority : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-tls-");
    private readonly X509Certificate2 _root;

    public Authority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Certificate = Write("ca.pem", _root.ExportCertificatePem());
    }

    /// <summary>PEM of the authority.</summary>
    public string Certificate { get; }

    public string Write(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A certificate with its key, and both as PEM files.</summary>
    public (X509Certificate2 Certificate, string CertificateFile, string KeyFile) Issue(
        string name, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var bare = request.Create(
            _root, DateTimeOffset.UtcNow.AddHours(expired ? -3 : -1), DateTimeOffset.UtcNow.AddHours(expired ? -2 : 1),
            RandomNumberGenerator.GetBytes(8));
        var certificate = X509CertificateLoader.LoadPkcs12(
            bare.CopyWithPrivateKey(key).Export(X509ContentType.Pkcs12), null);
        return (certificate, Write($"{name}.pem", bare.ExportCertificatePem()),
            Write($"{name}.key", key.ExportPkcs8PrivateKeyPem()));
    }

    public void Dispose()
    {
        _root.Dispose();
        _folder.Delete(recursive: true);
    }
}
