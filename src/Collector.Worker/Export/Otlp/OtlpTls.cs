using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Collector.Linux.Interop;

namespace Collector.Worker.Export.Otlp;

/// <summary>Turns the certificate settings into what a TLS connection needs.</summary>
public static class OtlpTls
{
    /// <summary>Largest PEM file that is read, in bytes: the system's whole bundle has a fifth of it.</summary>
    private const int LargestSize = 1 << 20;

    /// <summary>Key of an exception's data: the variable or key that names the file.</summary>
    private const string Origin = "origin";

    /// <summary>
    /// Reads the files of all signals; adds one line to <paramref name="errors"/> per file that is no use.
    /// </summary>
    /// <param name="settings">They name the files.</param>
    /// <param name="sources">Where each key of the configuration was written, for the lines.</param>
    /// <param name="errors">Gets the lines.</param>
    public static void Check(
        OtlpSettings settings, IReadOnlyDictionary<string, string> sources, List<string> errors) =>
        Check([settings.Metrics, settings.Logs, settings.Traces], sources, errors);

    internal static void Check(
        ReadOnlySpan<OtlpSignalSettings> signals, IReadOnlyDictionary<string, string> sources, List<string> errors)
    {
        foreach (var signal in signals)
        {
            try
            {
                if (signal.Enabled)
                    Options(signal);
            }
            catch (InvalidOperationException e) when (e.Data[Origin] is string origin)
            {
                // The source of a key also tells which variables go over it; here none does.
                var line = sources.TryGetValue(origin, out var source)
                    ? $"{source.Split(';')[0]}: key '{origin}': {e.Message}"
                    : $"{origin}: {e.Message}";
                if (!errors.Contains(line))
                    errors.Add(line);
            }
        }
    }

    /// <exception cref="InvalidOperationException">
    /// A file cannot be read or holds no PEM; the message says which.
    /// </exception>
    internal static SslClientAuthenticationOptions Options(OtlpSignalSettings settings)
    {
        var options = new SslClientAuthenticationOptions();
        if (settings.Certificate is { } authorities)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(
                Load(settings.Origins.Certificate, authorities, Import));
        }
        if (settings.ClientCertificate is { } own)
        {
            var origin = settings.Origins.ClientCertificate;
            // The key first: a message about one that cannot be read names it.
            var key = settings.ClientKey is { } file ? Load(settings.Origins.ClientKey, file, static k => k) : null;
            var certificate = Load(origin, own, pem => WithKey(pem, key ?? pem));
            options.ClientCertificateContext = SslStreamCertificateContext.Create(
                certificate, Load(origin, own, Import), offline: true);
        }
        else if (settings.ClientKey is not null)
        {
            throw Useless(settings.Origins.ClientKey, "is set without a client certificate");
        }
        return options;
    }

    private static X509Certificate2Collection Import(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("no certificate in it");
    }

    private static X509Certificate2 WithKey(string certificate, string key)
    {
        var pair = X509Certificate2.CreateFromPem(certificate, key);
        if (!OperatingSystem.IsWindows())
            return pair;
        // Schannel cannot use a key that lives in memory only (dotnet/runtime issue 23749).
        using (pair)
            return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
    }

    private static T Load<T>(string origin, string path, Func<string, T> use)
    {
        try
        {
            return use(Encoding.UTF8.GetString(NamedFile.Read(path, LargestSize)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or CryptographicException or ArgumentException)
        {
            throw Useless(origin, $"{path}: {e.Message}", e);
        }
    }

    private static InvalidOperationException Useless(string origin, string message, Exception? inner = null) =>
        new(message, inner) { Data = { [Origin] = origin } };
}
