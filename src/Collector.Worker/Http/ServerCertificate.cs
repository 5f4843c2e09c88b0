using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Collector.Worker.Configuration;
using Collector.Worker.Tls;

namespace Collector.Worker.Http;

/// <summary>The certificate that the server shows, as its two files have it now.</summary>
internal sealed class ServerCertificate
{
    private readonly TimeProvider _time;

    private ServerCertificate(string certificate, string key, TimeProvider time)
    {
        _time = time;
        KeyedFile[] files = [new("http.certificate", certificate), new("http.key", key)];
        Files = new(files, static f => Pem.Read(f.Path), texts => Make(files, texts), time);
    }

    public RereadFiles<Pair> Files { get; }

    /// <summary>Until when it is valid.</summary>
    public DateTimeOffset End => Files.Value.End;

    /// <summary>Until it is valid no more; negative from then on.</summary>
    public TimeSpan Left => End - _time.GetUtcNow();

    /// <summary>Why nobody should trust it now; null while its time is.</summary>
    public string? OutOfTime => Left <= TimeSpan.Zero ? $"expired at {End:u}"
        : Files.Value.Begin > _time.GetUtcNow() ? $"is not valid before {Files.Value.Begin:u}"
        : null;

    /// <summary>Null where none is configured.</summary>
    /// <exception cref="HttpFileException">A file is no use.</exception>
    public static ServerCertificate? Of(HttpOptions options, TimeProvider time) =>
        options is { Certificate: { } certificate, Key: { } key } ? new(certificate, key, time) : null;

    /// <summary>For a handshake.</summary>
    public SslServerAuthenticationOptions Current()
    {
        Files.Look();
        return Files.Value.Options;
    }

    private static Pair Make(KeyedFile[] files, IReadOnlyList<string> texts)
    {
        var chain = Try(files[0], () => Pem.Certificates(texts[0]));
        if (Pem.IsEncrypted(texts[1]))
            throw new HttpFileException(files[1], "is encrypted; a key without a passphrase is needed");
        var own = Try(files[1], () => Pem.WithKey(texts[0], texts[1]));
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
        };
        return new(options, new(own.NotBefore), new(own.NotAfter));
    }

    private static T Try<T>(KeyedFile file, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new HttpFileException(file, e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>A certificate with its key, ready for handshakes, and its time.</summary>
    internal sealed record Pair(
        SslServerAuthenticationOptions Options, DateTimeOffset Begin, DateTimeOffset End);
}
