using System.Text.Json;
using Collector.Worker.Configuration;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Asks the agent that runs on this machine, or another, for one of its documents.</summary>
/// <param name="server">Where it is; null: the agent of this machine.</param>
/// <param name="peers">Who asks, and whom it trusts.</param>
/// <param name="complain">Takes what is wrong; null: standard error.</param>
internal sealed class AgentClient(string? server, PeerOptions peers, Action<string>? complain = null)
{
    private readonly Action<string> _complain = complain ?? Output.Error;

    private static readonly TimeSpan PatienceForFiles = TimeSpan.FromSeconds(60);

    private const int LargestAnswer = 4 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The document; null after a message where no agent gives it.</summary>
    /// <param name="options">They say where the agent of this machine listens.</param>
    /// <param name="path">Of the document.</param>
    public Task<JsonDocument?> GetAsync(AgentOptions options, string path) =>
        AskAsync(options, path, peer => GetAsync(peer, path));

    /// <summary>The bytes of a file; null after a message where no agent gives it.</summary>
    /// <param name="options">They say where the agent of this machine listens.</param>
    /// <param name="path">Of the file, with its query.</param>
    /// <param name="type">What it must be.</param>
    /// <param name="most">More bytes are refused.</param>
    public Task<byte[]?> DownloadAsync(AgentOptions options, string path, string type, long most) =>
        AskAsync(options, path.Split('?')[0], async peer =>
        {
            using var http = PeerClient.Create(peer, peers);
            http.Timeout = PatienceForFiles;
            http.MaxResponseContentBufferSize = most;
            using var answer = await SendAsync(http, peer, path, type);
            return answer is null ? null : await answer.Content.ReadAsByteArrayAsync();
        });

    private async Task<T?> AskAsync<T>(AgentOptions options, string path, Func<PeerAddress, Task<T?>> ask)
        where T : class
    {
        PeerAddress? peer = null;
        if (server is null)
            peer = LocalAgent.Find(options) ?? LocalAgent.Find(new AgentOptions());
        else
            _ = PeerAddress.TryParse(server, PeerAddress.DefaultPort, out peer);
        if (peer is null)
        {
            _complain($"no running agent answers at {LocalAgent.Places(options)}");
            return null;
        }
        try
        {
            return await ask(peer);
        }
        catch (PeerFileException e)
        {
            _complain(e.Message);
        }
        catch (JsonException)
        {
            _complain($"{peer.Name} answers, but is no Netlens: /{path.Split('?')[0]} is not JSON");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            // Somebody answers, or nobody does.
            var end = PeerEnd.Of(e);
            _complain(end.Code is null
                ? $"no running agent answers at {peer.Name}: {end.Reason}"
                : $"{peer.Name} {end.Reason}");
        }
        return null;
    }

    /// <summary>The document of this machine's agent; null, without a word, where none gives it.</summary>
    public async Task<JsonDocument?> TryGetAsync(AgentOptions options, string path)
    {
        if (LocalAgent.Find(options) is not { } peer)
            return null;
        try
        {
            using var http = PeerClient.Create(peer, peers);
            http.Timeout = Patience;
            http.MaxResponseContentBufferSize = LargestAnswer;
            using var request = PeerClient.Request(path, peers);
            using var answer = await http.SendAsync(request);
            return answer.IsSuccessStatusCode ? JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync()) : null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException
            or PeerFileException or JsonException)
        {
            return null;
        }
    }

    private async Task<JsonDocument?> GetAsync(PeerAddress peer, string path)
    {
        using var http = PeerClient.Create(peer, peers);
        http.Timeout = Patience;
        http.MaxResponseContentBufferSize = LargestAnswer;
        using var answer = await SendAsync(http, peer, path, "application/json");
        return answer is null ? null : JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
    }

    /// <summary>The answer; null after a message where it is another than what was asked for.</summary>
    private async Task<HttpResponseMessage?> SendAsync(HttpClient http, PeerAddress peer, string path, string type)
    {
        if (peers.HasToken && !peer.IsPrivate)
            _complain($"{peer.Name} {PeerOptions.Unencrypted}");
        using var request = PeerClient.Request(path, peers);
        var answer = await http.SendAsync(request);
        if (await PeerEnd.OfAsync(answer, $"/{path.Split('?')[0]}", type, CancellationToken.None) is not { } refusal)
            return answer;
        _complain($"{peer.Name} {refusal.Reason}");
        answer.Dispose();
        return null;
    }
}
