using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Collector.Worker.Tls;

namespace Collector.Worker.Export.Otlp;

/// <summary>Turns the certificate settings into what a TLS connection needs.</summary>
public static class OtlpTls
{
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
                Load(settings.Origins.Certificate, authorities, Pem.Certificates));
        }
        if (settings.ClientCertificate is { } own)
        {
            var origin = settings.Origins.ClientCertificate;
            // The key first: a message about one that cannot be read names it.
            var key = settings.ClientKey is { } file ? Load(settings.Origins.ClientKey, file, static k => k) : null;
            var certificate = Load(origin, own, pem => Pem.WithKey(pem, key ?? pem));
            options.ClientCertificateContext = SslStreamCertificateContext.Create(
                certificate, Load(origin, own, Pem.Certificates), offline: true);
        }
        else if (settings.ClientKey is not null)
        {
            throw Useless(settings.Origins.ClientKey, "is set without a client certificate");
        }
        return options;
    }

    /// <summary>The variable or key that named a file that is no use.</summary>
    internal static string OriginOf(InvalidOperationException fault) => fault.Data[Origin] as string ?? "";

    private static T Load<T>(string origin, string path, Func<string, T> use)
    {
        try
        {
            return use(Pem.Read(path));
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
