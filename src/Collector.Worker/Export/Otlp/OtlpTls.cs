using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Collector.Worker.Export.Otlp;

/// <summary>Turns the certificate settings into what a TLS connection needs.</summary>
public static class OtlpTls
{
    /// <summary>Reads the files of both signals; adds one line to <paramref name="errors"/> per file that is no use.</summary>
    public static void Check(OtlpSettings settings, List<string> errors)
    {
        foreach (var signal in new[] { settings.Metrics, settings.Logs })
        {
            try
            {
                if (signal.Enabled)
                    Options(signal);
            }
            catch (InvalidOperationException e)
            {
                if (!errors.Contains(e.Message))
                    errors.Add(e.Message);
            }
        }
    }

    /// <exception cref="InvalidOperationException">A file cannot be read or holds no PEM; the message says which.</exception>
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
                Load("OTLP certificate", authorities, static path => Import(path)));
        }
        if (settings.ClientCertificate is { } own)
        {
            var certificate = Load("OTLP client certificate or key", own, path => WithKey(path, settings.ClientKey));
            options.ClientCertificateContext = SslStreamCertificateContext.Create(
                certificate, Load("OTLP client certificate", own, static path => Import(path)), offline: true);
        }
        else if (settings.ClientKey is not null)
        {
            throw new InvalidOperationException("OTLP client key is set without a client certificate");
        }
        return options;
    }

    private static X509Certificate2Collection Import(string path)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(path);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("no certificate in it");
    }

    private static X509Certificate2 WithKey(string certificate, string? key)
    {
        var pair = X509Certificate2.CreateFromPemFile(certificate, key);
        if (!OperatingSystem.IsWindows())
            return pair;
        // Schannel cannot use a key that lives in memory only (dotnet/runtime issue 23749).
        using (pair)
            return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
    }

    private static T Load<T>(string what, string path, Func<string, T> load)
    {
        try
        {
            return load(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new InvalidOperationException($"{what} {path}: {e.Message}", e);
        }
    }
}
