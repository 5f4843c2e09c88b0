using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Collector.Worker.Watch;

/// <summary>How an agent is asked.</summary>
internal sealed record PeerOptions
{
    /// <summary>The variable that may have the token.</summary>
    public const string TokenVariable = "NETLENS_TOKEN";

    /// <summary>PEM file with the authorities to trust; null: the machine's.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>File with the token, read anew for every connection; null: <see cref="Token"/>.</summary>
    public string? TokenFile { get; init; }

    /// <summary>The token itself; null: none.</summary>
    public string? Token { get; init; }

    public bool HasToken => (Token ?? TokenFile) is not null;

    /// <summary>About an agent to which the way is not private.</summary>
    public const string Unencrypted = "is sent the token unencrypted; https:// would hide it";
}

/// <summary>Connections to one agent.</summary>
internal static class PeerClient
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <exception cref="PeerFileException">The file of authorities is no use.</exception>
    public static HttpClient Create(PeerAddress peer, PeerOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            // A node is asked directly, and what it answers is meant.
            UseProxy = false, AllowAutoRedirect = false, UseCookies = false,
            ConnectTimeout = ConnectTimeout,
            AutomaticDecompression = DecompressionMethods.None,
        };
        if (peer.SocketPath is { } path)
            handler.ConnectCallback = (_, stop) => ConnectAsync(path, stop);
        if (options.AuthorityFile is { } file && peer.Url.Scheme == Uri.UriSchemeHttps)
            handler.SslOptions.CertificateChainPolicy = Trusting(file);
        return new HttpClient(handler) { BaseAddress = peer.Url, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <exception cref="PeerFileException">The file of the token cannot be read.</exception>
    public static HttpRequestMessage Request(string path, PeerOptions options)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        var token = options.TokenFile is { } file ? Read(file)
            : Checked(options.Token ?? "", PeerOptions.TokenVariable);
        if (!string.IsNullOrEmpty(token))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return request;
    }

    private static string Read(string file)
    {
        try
        {
            return Checked(File.ReadAllText(file), $"--token-file {file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PeerFileException($"--token-file {file}: {e.Message}", e);
        }
    }

    private static string Checked(string text, string from)
    {
        var token = text.Trim();
        return token.All(c => c is > ' ' and < '\u007f')
            ? token
            : throw new PeerFileException($"{from}: is not one line of letters");
    }

    private static X509ChainPolicy Trusting(string file)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new PeerFileException($"--ca-file {file}: {e.Message}", e);
        }
        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new PeerFileException($"--ca-file {file}: holds no certificate (PEM)");
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
