using System.Text.Json;
using Collector.Worker.Configuration;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>The documents of a running agent.</summary>
internal sealed class TopAgent : ITopSource
{
    private readonly AgentOptions _options;
    private readonly AgentClient _client;
    private string _complaint = "";
    private bool _said;

    /// <param name="options">They say where the agent of this machine listens.</param>
    /// <param name="server">Another agent; null: that of this machine.</param>
    /// <param name="peers">Who asks, and whom it trusts.</param>
    public TopAgent(AgentOptions options, string? server, PeerOptions peers)
    {
        _options = options;
        _client = new(server, peers, text => _complaint = text);
    }

    public TopMoment? Moment => null;

    public string Problem { get; private set; } = "";

    public void Step(int collections)
    {
    }

    // Elsewhere: that nobody listens is found out by waiting for him.
    public Task<JsonElement?> GetAsync(string name) => Task.Run<JsonElement?>(async () =>
    {
        _complaint = "";
        using var document = await _client.GetAsync(_options, $"api/v1/{name}");
        Problem = document is null ? _complaint : "";
        // That the token is readable on its way: before the screen is drawn.
        if (document is not null && _complaint.Length > 0 && !_said)
        {
            _said = true;
            Output.Error(_complaint);
        }
        return document?.RootElement.Clone();
    });
}
