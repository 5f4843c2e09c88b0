using System.Collections.Concurrent;
using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ebpf.Tests.Findings;

/// <summary>
/// An agent's collector with every probe that is on by default and all rules. Tests share it, for its programs take long
/// to load; each looks at the namespaces that it made itself.
/// </summary>
internal sealed class FindingRun
{
    /// <summary>Ports that source NAT is said to have for one address: few enough for a test to take them all.</summary>
    public const int TranslatedPorts = 50;

    private static readonly Lazy<FindingRun> Made = new(() => new FindingRun(Usual()));

    private static readonly Lazy<FindingRun> MadeOfOthers = new(() => new FindingRun(Only(
        ("dns", []), ("runqueue", []), ("throttling", []), ("packetloss", []), ("conntrack", []),
        ("transmit", [("sample", "1")]), ("netdev", [("devices", "*")]))));

    private readonly EventHub _hub;
    private readonly Tap _events;
    private readonly NodeCollector _collector;
    private readonly List<BrokenRule> _broken = [];
    private long _before;

    private static AgentOptions Usual()
    {
        var ports = AllProbes.List.Single(static p => p.Info.Id == "ports").Info;
        return new AgentOptions
        {
            Probes = new Dictionary<string, ProbeChoice>
            {
                [ports.Id] = new(true, ProbeSettings.Of(ports, ("snatPorts", $"{TranslatedPorts}"))),
            },
        };
    }

    private FindingRun(AgentOptions options)
    {
        // What the tests of a machine do at once is more than programs may take of it.
        options = options with { Budget = new() { Cpu = 0 } };
        _hub = new EventHub(
            new EventLimiter(1000, TimeSpan.FromSeconds(1), TimeProvider.System), [], 4096, TimeProvider.System,
            NullLogger.Instance);
        var node = NodeFactory.Create(options.Paths, options.Ebpf, null, options.Limits, _events = new Tap(_hub));
        _collector = new NodeCollector(node, options, TimeProvider.System, NullLogger.Instance);
        // An emulated machine hardly runs.
        ((LinuxNode)node).Host.Bpf.MostWait = TimeSpan.FromMinutes(1);
        Engine = node.Findings!;
        Engine.Shortest = TimeSpan.FromSeconds(1);
        Engine.OnBroken = _broken.Add;
        _hub.Findings = Engine.Inbox;
        _collector.CollectOnce();
    }

    /// <summary>The one of this process.</summary>
    public static FindingRun Shared => Made.Value.Begin();

    /// <summary>One with probes, or settings of them, that are not the default; few of the others.</summary>
    public static FindingRun Others => MadeOfOthers.Value.Begin();

    // What was found before is not of the test's namespaces, which may have the numbers of others, and have the same
    // addresses: it is over before the test begins. At last because it is not seen any more.
    private FindingRun Begin()
    {
        Collect();
        var start = Stopwatch.GetTimestamp();
        while (Engine.Store.All.Any(static f => f is { IsActive: true, Subject.IsHost: false }))
        {
            Stopwatch.GetElapsedTime(start).ShouldBeLessThan(TimeSpan.FromMinutes(2));
            Thread.Sleep(100);
            Collect();
        }
        _before = Engine.Store.Raised;
        return this;
    }

    private static AgentOptions Only(params (string Id, (string, string)[] Settings)[] probes) => new()
    {
        Probes = AllProbes.List.ToDictionary(p => p.Info.Id, p => new ProbeChoice(
            probes.Any(o => o.Id == p.Info.Id),
            ProbeSettings.Of(p.Info, probes.FirstOrDefault(o => o.Id == p.Info.Id).Settings ?? []))),
    };

    public FindingEngine Engine { get; }

    /// <summary>The newest events of connections' retransmissions.</summary>
    public NetworkEvent[] Retransmissions => [.. _events.Kept];

    /// <summary>A namespace as the collections know it.</summary>
    public Subject SubjectOf(TestNetns ns)
    {
        using var lease = _collector.Store.Acquire();
        return lease.Snapshot!.Tables.SelectMany(t => t.Rows.ToArray()).Select(r => r.Subject)
            .First(s => s?.Inode == ns.Inode)!;
    }

    /// <summary>Collects, which runs the rules.</summary>
    public void Collect()
    {
        _collector.CollectOnce();
        _broken.ShouldBeEmpty();
    }

    /// <summary>The figure of a kind that the probe tells of a namespace.</summary>
    public long Active(FindingInfo info, TestNetns ns)
    {
        Collect();
        var metric = _collector.Runners.Single(r => r.Info.Id == "finding").Info.Metrics
            .Single(m => m.Name == "netlens.finding.active");
        using var lease = _collector.Store.Acquire();
        var sum = 0L;
        if (lease.Snapshot!.Find(metric.Table) is not { } table)
            return 0;
        for (var row = 0; row < table.Count; row++)
        {
            if (table.Rows[row].Subject?.Inode == ns.Inode && table.Rows[row].Tags[0].Text == info.Kind)
                sum += table.Column(metric)[row];
        }
        return sum;
    }

    /// <summary>What was found of these namespaces, consequences of others left out.</summary>
    public Finding[] Of(params TestNetns[] namespaces) => [.. AllOf(namespaces).Where(f => f.Cause is null)];

    /// <summary>The same with consequences.</summary>
    public Finding[] AllOf(params TestNetns[] namespaces) =>
        [.. Engine.Store.All.Where(f => f.Number > _before && namespaces.Any(n => IsOf(f, n)))];

    // The number of a namespace that is gone is soon another's, its name is not; and what it asked may be found to be
    // without an answer only then.
    private static bool IsOf(Finding finding, TestNetns ns) => finding.Subject is { } subject
        && subject.Inode == ns.Inode && (subject.Names.NetnsName ?? ns.Name) == ns.Name;

    /// <summary>Causes a fault again and again until it is found, and collects in between.</summary>
    /// <param name="info">What is to be found.</param>
    /// <param name="ns">Where.</param>
    /// <param name="cause">Makes the fault, or more of it.</param>
    /// <param name="match">Which of several.</param>
    /// <param name="seconds">Patience: an emulated kernel is slow.</param>
    public Finding Await(
        FindingInfo info, TestNetns ns, Action cause, Func<Finding, bool>? match = null, int seconds = 60) =>
        Await(info, f => IsOf(f, ns) && (match is null || match(f)), cause, seconds);

    /// <summary>The same wherever it may be found.</summary>
    public Finding Await(FindingInfo info, Func<Finding, bool> match, Action cause, int seconds = 60)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            cause();
            Thread.Sleep(300);
            Collect();
            if (Engine.Store.All.FirstOrDefault(f => f.Number > _before && f.Info == info && match(f)) is { } found)
                return found;
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > seconds)
            {
                throw new TimeoutException($"no {info.Kind}; there were: "
                    + string.Join("; ", Engine.Store.All.Select(f => $"{f.Info.Kind}: {f.Sentence}")));
            }
        }
    }

    /// <summary>Looks for a while, and nothing is found.</summary>
    public void ShouldBeSilent(Action traffic, params TestNetns[] namespaces)
    {
        for (var i = 0; i < 4; i++)
        {
            traffic();
            Thread.Sleep(500);
            Collect();
        }
        AllOf(namespaces).Select(f => $"{f.Info.Kind}: {f.Sentence}").ShouldBeEmpty();
    }

    private sealed class Tap(IEventSink next) : IEventSink
    {
        private const int Most = 1000;

        public ConcurrentQueue<NetworkEvent> Kept { get; } = [];

        public bool Admit(in EventKey key, long time) => next.Admit(key, time);

        public void Publish(in EventKey key, NetworkEvent e)
        {
            if (e.Info == TcpRetrans.Retransmitted)
                Kept.Enqueue(e);
            while (Kept.Count > Most)
                Kept.TryDequeue(out _);
            next.Publish(key, e);
        }

        public void HeldBack(in EventKey key, long count) => next.HeldBack(key, count);
    }
}
