using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Listeners;

/// <summary>What the rules about listeners share: they judge by the events of the probe listen.</summary>
internal abstract class ListenRule(FindingInfo info, ProbeHost host, FindingSettings? own = null)
    : LinuxRule(info, host, own)
{
    /// <summary>The listeners of a window's events of a kind: each with its events, oldest first.</summary>
    /// <param name="window">The subject's.</param>
    /// <param name="info">The kind.</param>
    /// <param name="key">A field that chooses.</param>
    /// <param name="value">What it must be.</param>
    protected static IEnumerable<IGrouping<string, NetworkEvent>> Listeners(
        SubjectWindow window, EventInfo info, string key, string value) =>
        window.Events(info).Where(e => Field(e, key) == value && !e.IsSummary).GroupBy(End);

    /// <summary>What a listener dropped in the window; its own counter has more, which is no loss.</summary>
    protected static long Dropped(IGrouping<string, NetworkEvent> listener) =>
        listener.Sum(static o => Number(o, "netlens.listen.dropped") ?? 0);

    /// <summary>Its accept queue, as evidence.</summary>
    protected static Evidence Queue(NetworkEvent e) =>
        new("sk_ack_backlog", $"{Number(e, "netlens.listen.queue")} of {Number(e, "netlens.listen.limit")}");

    /// <summary>Who asked again, as evidence; nothing where nobody knows.</summary>
    protected static IEnumerable<Evidence> Peers(NetworkEvent e) =>
        Field(e, "netlens.listen.unanswered.peers") is { Length: > 0 } peers
            ? [new("SYNs without an answer", peers)] : [];

    /// <summary>Handshakes under way, as evidence; nothing where nobody knows.</summary>
    protected static IEnumerable<Evidence> HalfOpen(NetworkEvent e) =>
        Number(e, "netlens.listen.half_open") is { } open
            ? [new("icsk_accept_queue.qlen", $"{open} of {Number(e, "netlens.listen.limit")}")] : [];

    /// <summary>What sets the length of a listener's queues.</summary>
    protected Knob LimitOf(SubjectWindow window, NetworkEvent e)
    {
        var limit = Number(e, "netlens.listen.limit") ?? 0;
        var wanted = Math.Max(128, limit * 4).ToString(CultureInfo.InvariantCulture);
        if (Field(e, "netlens.listen.limit.origin") == "somaxconn")
            return SysctlKnob(window.Subject, "net.core.somaxconn", $"{wanted}, then start the program anew");
        var most = Sysctl(window.Subject, "net.core.somaxconn");
        return new("listen(backlog)", limit.ToString(CultureInfo.InvariantCulture),
            most.Length > 0 ? $"{wanted} (net.core.somaxconn is {most})" : wanted, "the program");
    }

    /// <summary>The command that shows the listener.</summary>
    protected string Show(SubjectWindow window, NetworkEvent e) =>
        Inside(window.Subject, $"ss -ltnm sport = :{Field(e, "network.local.port")}");

    protected static string End(NetworkEvent e) =>
        AddressRows.End(Field(e, "network.local.address"), Field(e, "network.local.port"));

    protected static IPEndPoint? LocalOf(NetworkEvent e) =>
        AddressRows.EndPoint(Field(e, "network.local.address"), Field(e, "network.local.port"));
}
