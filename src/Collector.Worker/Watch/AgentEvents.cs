using System.Globalization;
using System.Threading.Channels;
using Collector.Core.Probes;
using Collector.Worker.Hosting;
using Collector.Worker.Recorder;

namespace Collector.Worker.Watch;

/// <summary>
/// The events of an agent, over its GET /events. A connection that breaks is made again, with growing pauses and where
/// it ended. What never worked is given up; what has worked may work again, whatever became of it meanwhile.
/// </summary>
internal sealed class AgentEvents(PeerAddress peer, PeerOptions options, WatchQuery query, string ownVersion)
    : IWatchSource
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly RecentLines _recent = new();
    private readonly HashSet<string> _versions = [];
    private readonly HashSet<string> _said = [];
    private TimeSpan _pause = FirstPause;
    private long _start;
    private readonly TimeSpan? _past = PastOf(query);
    private bool _reached;
    private bool _away;
    private bool _goesOn;

    /// <summary>An agent sends something every 15 seconds.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>How long an agent that never answered is asked.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public string Name => peer.Name;

    public async Task<int> RunAsync(ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        _start = Clock.GetTimestamp();
        try
        {
            if (options.HasToken && !peer.IsPrivate)
                await SayAsync(into, PeerOptions.Unencrypted, stop);
            while (true)
            {
                var end = await ReadAsync(into, stop);
                if (await GivenUpAsync(end, into, stop) is { } code)
                    return code;
                await Task.Delay(_pause, Clock, stop);
                _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, LongestPause.Ticks));
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return _reached ? ExitCodes.Ok : ExitCodes.Failure;
        }
    }

    // What is the same at every try is said once.
    private async Task<int?> GivenUpAsync(PeerEnd end, ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        // A certificate that has expired is renewed, a token is on its way to a new one.
        if (!_reached && end.Code is { } code)
        {
            await (end.IsOurs ? into.WriteAsync(new WatchNotice(Name, end.Reason), stop)
                : SayAsync(into, end.Reason, stop));
            return code;
        }
        if (!_reached && Clock.GetElapsedTime(_start) >= Patience)
        {
            await SayAsync(into, $"is given up: {end.Reason}", stop);
            return ExitCodes.Failure;
        }
        if (_said.Add(end.Reason))
            await SayAsync(into, $"{(_reached ? "is gone" : "cannot be reached")}: {end.Reason}; trying again", stop);
        if (!_away)
            await into.WriteAsync(new WatchAway(Name, true), stop);
        _away = true;
        return null;
    }

    private async Task<PeerEnd> ReadAsync(ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        try
        {
            // Anew for each try: the files may say something else by now.
            using var http = PeerClient.Create(peer, options);
            using var request = PeerClient.Request($"events{query.Text(_recent.Since(_past))}", options);
            if (_recent.Run is { } run)
                request.Headers.Add(EventHeaders.Run, run);
            request.Headers.Accept.Add(new("application/x-ndjson"));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(Silence);
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (await PeerEnd.OfAsync(answer, PeerEnd.Events, PeerEnd.Lines, limit.Token) is { } refusal)
                return refusal;
            await WelcomeAsync(answer, into, stop);
            await using var lines = new LineReader(await answer.Content.ReadAsStreamAsync(stop), Silence);
            while (await lines.ReadAsync(stop) is { } line)
                await TakeAsync(line, into, stop);
            return new("has closed the connection");
        }
        catch (PeerFileException e)
        {
            return new(e.Message, ExitCodes.CannotStart) { IsOurs = true };
        }
        catch (Exception e) when (!stop.IsCancellationRequested && e is HttpRequestException or IOException
            or OperationCanceledException or InvalidDataException or UnauthorizedAccessException)
        {
            return PeerEnd.Of(e);
        }
    }

    private async Task WelcomeAsync(HttpResponseMessage answer, ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        if (PeerEnd.VersionOf(answer) is { } version && version != ownVersion && _versions.Add(version))
            await SayAsync(into, $"is Netlens {version}, this is {ownVersion}", stop);
        if (_away)
        {
            await into.WriteAsync(new WatchAway(Name, false), stop);
            await SayAsync(into, "is there", stop);
        }
        _said.Clear();
        // Whoever asked for the past, and has seen none of it, asks for it once more, by time.
        _recent.Begin(Header(answer, EventHeaders.Run), query.Since is null ? Number(answer) : null,
            answer.Headers.Date);
        _away = false;
        _goesOn = _reached && query.Filters.Count > 0;
        _reached = true;
        _pause = FirstPause;
    }

    private static TimeSpan? PastOf(WatchQuery query) =>
        DurationText.TryParse(query.Since ?? "", out var past, out _) ? past : null;

    private static ulong? Number(HttpResponseMessage answer) =>
        ulong.TryParse(Header(answer, EventHeaders.Behind), NumberStyles.None, CultureInfo.InvariantCulture,
            out var number) ? number : null;

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? values.First() : null;

    private async ValueTask TakeAsync(string line, ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        if (line.Length == 0)
            return; // A sign of life.
        // Where it goes on is behind the last that passed the filter: what is gone of those since may have been seen.
        var first = _goesOn;
        _goesOn = false;
        if (WatchLine.Parse(line) is not { } known)
            await into.WriteAsync(new WatchGarbage(Name, line), stop);
        else if (known.Lost > 0 ? !first : _recent.Add(known))
            await into.WriteAsync(new WatchedEvent(Name, known), stop);
    }

    private ValueTask SayAsync(ChannelWriter<WatchItem> into, string what, CancellationToken stop) =>
        into.WriteAsync(new WatchNotice(Name, $"{Name} {what}"), stop);
}
