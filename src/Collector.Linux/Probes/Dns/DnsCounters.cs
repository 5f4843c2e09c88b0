using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Dns;

/// <summary>What dns.bpf.c counted: rows by server, protocol and outcome; times by server; sums.</summary>
internal sealed class DnsCounters
{
    internal static readonly Metric Lookups = Metric.Counter("netlens.dns.lookups", Units.Queries,
        "DNS queries that are over, by server and how they ended; timed_out: no answer within `timeout`; answered: by "
            + "TCP, whose response code is not seen.");

    internal static readonly Metric Duration = NanosecondHistogram.Metric("netlens.dns.lookup.duration",
        "How long DNS queries that were answered took, from the device that they left by to the answer.");

    private static readonly Metric Failures = Sum("failed",
        "DNS queries that failed: timed out, refused, or by a failure of the server; not those for names that do not "
            + "exist.");

    private static readonly Metric Retries = Sum("retries", "DNS queries that were sent again without an answer.");

    internal static readonly Metric FiveSeconds = Sum("five_second_retries",
        "Those of them that came 4.5 to 5.5 s after the one before, as resolvers do by default.");

    private static readonly Metric Late = Sum("late", "Answers that came after `timeout`.");
    private static readonly Metric Truncated = Sum("truncated", "Answers that were too long for UDP (TC).");
    private static readonly Metric Unread = Sum("unread", "Packets of DNS of which the beginning could not be read.");

    public static readonly TableInfo Table = new("dns", RowScope.Namespace,
        [new("server.address"), new("network.transport"), new("netlens.dns.outcome")], [Lookups]);

    public static readonly TableInfo TimeTable = new("dns.time", RowScope.Namespace,
        [new("server.address"), new("network.transport")], [Duration]);

    public static readonly TableInfo SumTable = new("dns.sum", RowScope.Namespace, [],
        [Failures, Retries, FiveSeconds, Late, Truncated, Unread]);

    private readonly ProbeHost _host;
    private readonly long _since = KernelClock.UnixNow();
    private readonly Dictionary<(Subject Namespace, DnsServerName Server), ServerRows> _rows = [];
    private readonly CounterRows _sums;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<DnsServerKey, DnsServer, ServerRows> _servers;
    private readonly NamespaceCounters<DnsTotalsKey, DnsTotals, CounterRow> _totals;
    private readonly Action<Subject> _forget;

    public DnsCounters(ProbeHost host, BpfObject loaded)
    {
        _host = host;
        _sums = new CounterRows(SumTable, _since, static (_, _) => []);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var (servers, totals) = (loaded.Map("servers"), loaded.Map("totals"));
        _servers = new(servers, _namespaces, new(loaded, SharedMap.Counters, servers))
        {
            Meet = (key, ns) => ns is null ? null : RowsOf(ns, key.Server),
            Add = static (in key, in value, rows) => rows.Add(key, value),
            EventKey = static key => DnsKinds.KeyOf(key),
        };
        _totals = new(totals, _namespaces, new(loaded, SharedMap.Overflow, totals))
        {
            Meet = (_, ns) => ns is null ? null : _sums.Of(ns),
            Add = Add,
            EventKey = static key => DnsKinds.KeyOf(key),
        };
        _forget = Forget;
    }

    /// <summary>What has counted an answer; null: it was none.</summary>
    public static EventMeasure? MeasureOf(in DnsEvent e) =>
        e.Fault == DnsOutcome.Retried || e.Outcome is DnsOutcome.TimedOut or DnsOutcome.Unreachable
        || e.Flow.Tuple is not { } tuple
            ? null
            : new(Duration, tuple.Destination.ToString(), tuple.Transport);

    private static Metric Sum(string name, string description) =>
        Metric.Counter($"netlens.dns.{name}", Units.Queries, description);

    public void Collect(SnapshotBuilder snapshot)
    {
        _namespaces.Begin(snapshot.Moment, _servers.Scarce || _totals.Scarce, _forget);
        foreach (var rows in _rows.Values)
            rows.Begin();
        _sums.Begin();
        _namespaces.Cover(_sums);
        if (!_servers.TryRead(snapshot, _host.Events) || !_totals.TryRead(snapshot, _host.Events))
            return;
        foreach (var rows in _rows.Values)
            rows.Write(snapshot, _host.Events);
        _sums.Write(snapshot);
    }

    private ServerRows RowsOf(Subject ns, DnsServerName server)
    {
        ref var rows = ref CollectionsMarshal.GetValueRefOrAddDefault(_rows, (ns, server), out _);
        return rows ??= new ServerRows(ns, server, Math.Max(_since, ns.StartTime), _sums.Of(ns));
    }

    private static void Add(in DnsTotalsKey key, in DnsTotals value, CounterRow row)
    {
        row.Values[Retries.Column] += value.Retries;
        row.Values[FiveSeconds.Column] += value.FiveSeconds;
        row.Values[Late.Column] += value.Late;
        row.Values[Truncated.Column] += value.Truncated;
        row.Values[Unread.Column] += value.Unread;
    }

    private void Forget(Subject ns)
    {
        foreach (var key in _rows.Keys)
        {
            if (ReferenceEquals(key.Namespace, ns))
                _rows.Remove(key);
        }
        _sums.Drop(ns);
    }

    /// <summary>A server's histogram, and a row per outcome from the first one on.</summary>
    private sealed class ServerRows(Subject ns, DnsServerName server, long since, CounterRow sums)
    {
        private readonly Row _times = new(TimeTable, ns, since, server.Text, server.Transport);
        private readonly Row?[] _outcomes = new Row?[DnsOutcome.Count];
        private NanosecondHistogram _sum;
        private OutcomeCounts _counts;
        private EventKey _slow;
        private long _held;
        private long _told;

        public void Begin() => (_sum, _counts, _held) = (default, default, 0);

        public void Add(in DnsServerKey key, in DnsServer value)
        {
            _slow = DnsKinds.SlowKeyOf(key);
            _held += value.Slow.Held;
            _sum.Add(value.Histogram);
            for (var outcome = 0; outcome < DnsOutcome.Count; outcome++)
            {
                _counts[outcome] += value.Outcomes[outcome];
                if (DnsOutcome.IsFailure(outcome))
                    sums.Values[Failures.Column] += value.Outcomes[outcome];
            }
        }

        public void Write(SnapshotBuilder snapshot, IEventSink events)
        {
            if (_held > _told)
            {
                events.HeldBack(_slow, _held - _told);
                _told = _held;
            }
            _sum.Write(snapshot.Append(_times), Duration);
            for (var outcome = 0; outcome < DnsOutcome.Count; outcome++)
            {
                if (_counts[outcome] == 0)
                    continue;
                _outcomes[outcome] ??=
                    new Row(Table, ns, since, server.Text, server.Transport, DnsOutcome.Name(outcome));
                snapshot.Append(_outcomes[outcome]!).Set(Lookups, _counts[outcome]);
            }
        }
    }
}
