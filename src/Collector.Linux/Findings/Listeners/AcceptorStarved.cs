using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Cpu;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Listeners;

/// <summary>A listener's accept queue overflows because the program may not run: its CPU quota is used up.</summary>
internal sealed class AcceptorStarved(ProbeHost host, FindingSettings own) : ListenRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(25), "periods",
        "In fewer periods it still runs most of the time.");

    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "acceptor-starved",
        Title = "A listener's accept queue overflows while its CPU quota is used up",
        Severity = EventSeverity.Error,
        Condition = "A listener dropped handshakes while its accept queue was full, and in the same window the CPU "
            + $"quota of its pod was used up in {Part.InWords} of the periods or more (nr_throttled of cpu.stat).",
        Advice = "Raise or remove the pod's CPU limit, or give it less to do at once; a longer accept queue only "
            + "delays the drops.",
        Thresholds = [Part],
        Triggers = [FindingTrigger.Happens(ListenKinds.Overflow)],
        Evidence = [Throttling.Throttled, Throttling.Periods, Throttling.Time, Throttling.Limit],
        Explains = [AcceptQueueOverflow.Kind, ConnectTimeout.Kind, SlowHandshake.Kind, QuotaThrottled.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (periods, throttled) = (window.Growth(Throttling.Periods), window.Growth(Throttling.Throttled));
        if (throttled == 0 || !_share.IsReached(throttled, periods))
            yield break;
        var waited = string.Create(CultureInfo.InvariantCulture, $"{window.Growth(Throttling.Time) / 1e9:0.0} s");
        foreach (var listener in Listeners(window, ListenKinds.Overflow, "netlens.listen.cause", "accept_queue"))
        {
            var e = listener.Last();
            yield return new()
            {
                Severity = EventSeverity.Error,
                Direct = true,
                Detail = listener.Key,
                Sentence = $"drops handshakes at {listener.Key}: its CPU quota was used up in {throttled} of {periods} "
                    + "periods, and the program may not run",
                Evidence =
                [
                    window.Grew("nr_throttled", throttled), new("throttled_usec", $"+{waited} in {window.Span}"),
                    window.Grew("ListenOverflows", TcpExt.Of("TcpExt", "ListenOverflows")),
                    window.Grew("dropped by the listener", Dropped(listener)),
                    Queue(e),
                    .. Peers(e),
                ],
                RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
                Knob = new("cpu.max (limits.cpu)", Quota(window), "more, or none", "the pod"),
                Confirm = "grep -rs nr_throttled --include=cpu.stat /sys/fs/cgroup",
                Local = LocalOf(e),
                Process = e.Process,
            };
        }
    }

    private static string Quota(SubjectWindow window) => window.Level(Throttling.Limit) is > 0 and var limit
        ? string.Create(CultureInfo.InvariantCulture, $"{(double)limit / CpuQuotas.Cpu:0.###} processors")
        : "";
}
