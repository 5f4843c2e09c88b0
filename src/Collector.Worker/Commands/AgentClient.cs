using System.Text.Json;
using Collector.Worker.Configuration;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Asks the agent that runs on this machine, or another, for one of its documents.</summary>
internal static class AgentClient
{
    private const int LargestAnswer = 4 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The document; null after a message where no agent gives it.</summary>
    /// <param name="server">Where it is; null: the agent of this machine.</param>
    /// <param name="options">They say where it listens.</param>
    /// <param name="path">Of the document.</param>
    public static async Task<JsonDocument?> GetAsync(string? server, AgentOptions options, string path)
    {
        PeerAddress? peer = null;
        if (server is null)
            peer = LocalAgent.Find(options) ?? LocalAgent.Find(new AgentOptions());
        else
            _ = PeerAddress.TryParse(server, PeerAddress.DefaultPort, out peer);
        if (peer is null)
        {
            Output.Error($"no running agent answers at {LocalAgent.Places(options)}");
            return null;
        }
        try
        {
            return await GetAsync(peer, path);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException
            or PeerFileException)
        {
            var reason = e is OperationCanceledException ? "silent for 5 s" : e.Message;
            Output.Error($"no running agent answers at {peer.Name}: {reason}");
            return null;
        }
    }

    private static async Task<JsonDocument> GetAsync(PeerAddress peer, string path)
    {
        using var http = PeerClient.Create(peer, new());
        http.Timeout = Patience;
        http.MaxResponseContentBufferSize = LargestAnswer;
        using var request = PeerClient.Request(
            path, new() { Token = Environment.GetEnvironmentVariable(PeerOptions.TokenVariable) });
        using var answer = await http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
            throw new HttpRequestException($"{(int)answer.StatusCode} to /{path}");
        return JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
    }
}
