using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Listeners;

/// <summary>More handshakes than a listener may have are under way, and cookies stand in.</summary>
/// <param name="info">Load or flood.</param>
/// <param name="host">The machine.</param>
/// <param name="own">Thresholds.</param>
internal abstract class SynCookies(FindingInfo info, ProbeHost host, FindingSettings own)
    : ListenRule(info, host, own)
{
    protected static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "cookies in a window", "Fewer say nothing about who sends them.");

    protected static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(50), "cookies that came back",
        "Real clients answer: where half of them do, it is load; who floods never does.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    /// <summary>Which of the two it is: half of the cookies came back, or more.</summary>
    protected abstract bool Answered { get; }

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Of the whole window: those sent at its end come back later.
        var (sent, received) = (window.Growth(TcpExt.Of("TcpExt", "SyncookiesSent")),
            window.Growth(TcpExt.Of("TcpExt", "SyncookiesRecv")));
        if (sent < _least || _share.IsReached(received, sent) != Answered
            || window.Events(ListenKinds.Cookies).LastOrDefault(static e => !e.IsSummary) is not { } e)
            yield break;
        var end = End(e);
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = end,
            Sentence = Describe(end, sent, received, Number(e, "netlens.listen.limit") ?? 0),
            Evidence =
            [
                window.Grew("SyncookiesSent", sent), window.Grew("SyncookiesRecv", received),
                window.Grew("SyncookiesFailed", TcpExt.Of("TcpExt", "SyncookiesFailed")),
                .. HalfOpen(e),
            ],
            RuledOut =
            [
                .. window.Growth(TcpExt.Of("TcpExt", "ListenOverflows")) == 0 ? ["the accept queue did not overflow"]
                    : Array.Empty<string>(),
                .. Checks.Of(window, Checks.Conntrack, Checks.Throttling),
            ],
            Knob = LimitOf(window, e),
            Confirm = Inside(window.Subject, $"ss -tn state syn-recv sport = :{Field(e, "network.local.port")}"),
            Local = LocalOf(e),
            Process = e.Process,
        };
    }

    /// <summary>The sentence.</summary>
    protected abstract string Describe(string end, long sent, long received, long limit);
}

/// <summary>Clients connect faster than the queue of handshakes allows, and they are real.</summary>
internal sealed class SynCookiesUnderLoad(ProbeHost host, FindingSettings own) : SynCookies(Kind, host, own)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "syn-cookies-under-load",
        Title = "Clients connect faster than a listener's queue of handshakes allows",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} SYNs or more were answered with cookies because as many "
            + $"handshakes were under way as the listener may have, and {Part.InWords} of the cookies or more came "
            + "back. A warning: the connections succeed, without some options of TCP.",
        Advice = "Allow the listener more handshakes: the smaller of what the program asks for with listen() and of "
            + "net.core.somaxconn.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Happens(ListenKinds.Cookies)],
        Evidence = [TcpExt.Of("TcpExt", "SyncookiesSent"), TcpExt.Of("TcpExt", "SyncookiesRecv")],
    };

    protected override bool Answered => true;

    protected override string Describe(string end, long sent, long received, long limit) =>
        $"gets more connections at once at {end} than its queue of {limit} allows: {sent} SYNs got cookies, "
        + $"{received} came back, so the clients are real";
}

/// <summary>SYNs come from who never answers.</summary>
internal sealed class SynFlood(ProbeHost host, FindingSettings own) : SynCookies(Kind, host, own)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "syn-flood",
        Title = "A listener is flooded with SYNs",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} SYNs or more were answered with cookies because as many "
            + $"handshakes were under way as the listener may have, and fewer than {Part.InWords} of the cookies "
            + "came back. A warning: with cookies who answers is served.",
        Advice = "Filter the senders before they reach the node, keep net.ipv4.tcp_syncookies at 1, and look whether "
            + "the answers reach the clients at all: a broken way back looks the same.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Happens(ListenKinds.Cookies)],
        Evidence = [TcpExt.Of("TcpExt", "SyncookiesSent"), TcpExt.Of("TcpExt", "SyncookiesRecv")],
    };

    protected override bool Answered => false;

    protected override string Describe(string end, long sent, long received, long limit) =>
        $"is flooded with SYNs at {end}: {sent} got cookies because {limit} handshakes were under way, "
        + $"only {received} came back";
}
