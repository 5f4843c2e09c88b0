using System.Net.Sockets;
using System.Text.Json;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;

namespace Collector.Worker.Commands;

/// <summary>Asks the agent that runs on this machine, or another, for one of its documents.</summary>
internal static class AgentClient
{
    /// <summary>Where an agent is found before its port.</summary>
    private const string Socket = "/run/netlens/netlens.sock";

    private const int LargestAnswer = 4 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The document; null after a message where no agent gives it.</summary>
    /// <param name="server">HOST, HOST:PORT or unix:PATH; null: the agent of this machine.</param>
    /// <param name="options">They say where it listens.</param>
    /// <param name="path">Of the document.</param>
    public static async Task<JsonDocument?> GetAsync(string? server, AgentOptions options, string path)
    {
        var problems = new List<string>();
        foreach (var address in Addresses(server, options))
        {
            try
            {
                return await GetAsync(address, path);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
            {
                problems.Add($"{address}: {(e is OperationCanceledException ? "no answer in 5 s" : e.Message)}");
            }
        }
        Output.Error($"no running agent answers ({string.Join("; ", problems)})");
        return null;
    }

    /// <summary>What is wrong with an address; null where nothing is.</summary>
    public static string? ProblemOf(string server) =>
        ListenAddress.TryParse(WithPort(server), out _, out var problem) ? null : problem;

    private static IEnumerable<ListenAddress> Addresses(string? server, AgentOptions options)
    {
        if (server is not null)
        {
            yield return ListenAddress.Parse(WithPort(server));
            yield break;
        }
        if (SpecialFile.IsSocket(Socket))
            yield return ListenAddress.Parse($"unix:{Socket}");
        yield return ListenAddress.Parse(options.Http.Listen);
    }

    private static string WithPort(string server)
    {
        var port = ListenAddress.Parse(new HttpOptions().Listen).Port;
        return server.StartsWith("unix:", StringComparison.Ordinal) || server.LastIndexOf(':') > server.LastIndexOf(']')
            ? server
            : $"{server}:{port}";
    }

    private static async Task<JsonDocument> GetAsync(ListenAddress address, string path)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false };
        if (address.SocketPath is { } socket)
            handler.ConnectCallback = (_, stop) => ConnectAsync(socket, stop);
        using var http = new HttpClient(handler)
        {
            Timeout = Patience, MaxResponseContentBufferSize = LargestAnswer, BaseAddress = UrlOf(address),
        };
        using var answer = await http.GetAsync(path);
        if (!answer.IsSuccessStatusCode)
            throw new HttpRequestException($"it answers {(int)answer.StatusCode} to /{path}");
        return JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
    }

    // Whoever listens on every address is asked on this machine's own.
    private static Uri UrlOf(ListenAddress address)
    {
        if (address.SocketPath is not null)
            return new("http://localhost/");
        if (address.EndPoint is not { } end)
            return new($"http://localhost:{address.Port}/");
        return end.Address.Equals(System.Net.IPAddress.Any) ? new($"http://127.0.0.1:{end.Port}/")
            : end.Address.Equals(System.Net.IPAddress.IPv6Any) ? new($"http://[::1]:{end.Port}/")
            : new($"http://{end}/");
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
