using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Virtio;

/// <summary>
/// How long virtio-net devices take for control commands, during which the driver spins or sleeps with the RTNL held,
/// per device; the slow ones as events with the caller. virtcmdlatency.bpf.c
/// </summary>
internal sealed class VirtCmdLatency : BpfProbe
{
    /// <summary>Nanoseconds without any change of the node's network: the driver holds the RTNL.</summary>
    private const long Standstill = 1_000_000_000;

    private static readonly Metric Duration = NanosecondHistogram.Metric("netlens.virtcmdlatency.duration",
        "How long control commands of virtio-net devices took (virtnet_send_command).");

    private static readonly TableInfo Table =
        new("virtcmdlatency", RowScope.Namespace, [new("network.interface.name")], [Duration]);

    private static readonly Metric Slow = Over("over_10ms", "Control commands that took over 10 ms.");
    private static readonly Metric Slower = Over("over_100ms", "Control commands that took over 100 ms.");

    private static readonly TableInfo LegacyTable = new("virtcmdlatency.slow", RowScope.Node, [], [Slow, Slower]);

    private static readonly Metric Slots = LegacySlots.Metric("netlens.virtcmdlatency.slots",
        "Control commands of virtio-net devices by how long they took; le is floor(log2(us)).");

    private static readonly TableInfo SlotTable =
        new("virtcmdlatency.slots", RowScope.Node, [LegacySlots.Tag], [Slots]);

    internal static readonly EventInfo SlowCommand = new()
    {
        Name = "netlens.virtcmdlatency.slow",
        Severity = EventSeverity.Warn,
        Description = "A virtio-net device took longer than the threshold for a control command; the process gave it.",
        Fields =
        [
            new("network.interface.name"), new("netlens.interface.index"), new("netlens.virtcmd.class"),
            new("netlens.virtcmd.command"), new("netlens.virtcmd.duration"),
        ],
        IsTimed = true,
    };

    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(10), "Commands that take longer make events.", most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second and device that leave the kernel.", least: 0, most: 1000);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "virtcmdlatency",
        Description = "How long virtio-net devices take for control commands, and events for the slow ones.",
        Source = "virtnet_send_command, since Linux 6.10 virtnet_send_command_reply (drivers/net/virtio_net.c)",
        Watches = true,
        Tables = [Table, LegacyTable, SlotTable],
        Events = [SlowCommand],
        Options = [SlowOption, BurstOption],
    };

    private static readonly Hook[] Hooks =
    [
        new("virtnet_send_command",
            new Way("reply_fentry", "reply_fexit"),
            new Way("command_fentry", "command_fexit"),
            new Way("reply_kprobe", "reply_kretprobe"),
            new Way("command_kprobe", "command_kretprobe")),
    ];

    private CountedNamespaces _namespaces = null!;
    private NamespaceCounters<VirtCmdKey, VirtCmdValue, VirtCmdDevice> _counters = null!;
    private SnapshotBuilder? _snapshot;
    private ProbeSettings _settings;
    private VirtCmdValue _gone;
    private VirtCmdValue _sum;
    private Row _node = null!;
    private Row[] _slots = [];
    private long _since;

    public VirtCmdLatency(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks)
    {
        _settings = settings;
        Decoder = new EventDecoder<VirtCmdEvent>(host, Command);
    }

    private static EventKind<VirtCmdEvent> Command { get; } = new()
    {
        Info = SlowCommand,
        Reason = static (in e) => e.Ifindex,
        Severity = static (in e) => e.Duration >= Standstill ? EventSeverity.Error : EventSeverity.Warn,
        Duration = static (in e) => e.Duration,
        Measured = static (in e) => new(VirtCmdLatency.Duration, e.Name.ToString()),
        Message = static (in e, parties) => Describe(e, parties),
        ProcessRole = "asked by",
        Fields = static (in e) =>
        [
            e.Name.ToString(), (long)e.Ifindex, VirtCmdNames.Class(e.Class), VirtCmdNames.Command(e.Class, e.Command),
            e.Duration,
        ],
    };

    private static string Describe(in VirtCmdEvent e, EventParties parties)
    {
        var (group, command) = (VirtCmdNames.Class(e.Class), VirtCmdNames.Command(e.Class, e.Command));
        var ms = Durations.Milliseconds(e.Duration);
        return $"{parties.Device(e.Name.ToString())} took {ms} ms for {group} {command}";
    }

    // For older exporters' names; powers of two hold no 10 ms.
    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.virtcmdlatency.{name}", Units.Calls, description);

    protected override void Prepare(BpfObject loaded)
    {
        _since = KernelClock.UnixNow();
        _node = new Row(LegacyTable, null, _since);
        _slots = LegacySlots.Rows(SlotTable, _since);
        _gone = default;
        _namespaces = new CountedNamespaces(Host);
        _counters = new(loaded.Map("virtcmdlatency"), _namespaces)
        {
            Meet = static (_, ns) => new VirtCmdDevice(ns),
            Add = Add,
            Leave = Leave,
            EventKey = static key => new(SlowCommand, key.Netns, key.Ifindex),
        };
        Apply(loaded, _settings);
    }

    public override bool Reconfigure(ProbeSettings settings)
    {
        Apply(Object, settings);
        return true;
    }

    private void Apply(BpfObject loaded, ProbeSettings settings)
    {
        loaded.Map("settings").Update(0u, new VirtCmdSettings
        {
            Slow = (ulong)settings.Get(SlowOption).TotalNanoseconds,
            Burst = (uint)settings.Get(BurstOption),
        });
        _settings = settings;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        // A row is written as its entry is read: nothing is kept that would have to be forgotten.
        _namespaces.Begin(snapshot.Moment, _counters.Scarce, static _ => { });
        _snapshot = snapshot;
        _sum = _gone;
        if (!_counters.TryRead(snapshot, Host.Events))
            return;
        var node = snapshot.Append(_node);
        node.Set(Slow, _sum.Slow);
        node.Set(Slower, _sum.Slower);
        for (var le = 0; le < _slots.Length; le++)
            snapshot.Append(_slots[le]).Set(Slots, LegacySlots.Value(_sum.Histogram, le));
    }

    private void Add(in VirtCmdKey key, in VirtCmdValue value, VirtCmdDevice device)
    {
        _sum.Add(value);
        if (device.RowFor(value.Name, _since) is { } row)
            value.Histogram.Write(_snapshot!.Append(row), Duration);
    }

    // The node's figures go on without it.
    private void Leave(VirtCmdValue value, CountedState state)
    {
        _gone.Add(value);
        if (state == CountedState.Expired)
            _sum.Add(value);
    }

    /// <summary>A device in one namespace.</summary>
    /// <param name="ns">The namespace; null where the kernel could not tell.</param>
    private sealed class VirtCmdDevice(Subject? ns)
    {
        private Comm _name;
        private Row? _row;

        /// <summary>Its row, if it has one; a series of its own begins with another name.</summary>
        public Row? RowFor(in Comm name, long since)
        {
            if (ns is null)
                return null;
            if (_row is not null && ((ReadOnlySpan<byte>)name).SequenceEqual(_name))
                return _row;
            _name = name;
            return _row = new Row(Table, ns, Math.Max(since, ns.StartTime), name.ToString());
        }
    }
}
