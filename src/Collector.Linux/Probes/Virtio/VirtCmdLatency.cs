using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
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
    private const long LegacySlow = 10_000_000;
    private const long LegacySlower = 100_000_000;

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
        LegacyTypes = ["VIRTCMDEXCUTE", "VIRTCMDEXCUTE_100MS"],
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

    private readonly Dictionary<VirtCmdKey, VirtCmdDevice> _devices = [];
    private ProbeSettings _settings;
    private BpfMapReader<VirtCmdKey, VirtCmdValue>? _reader;
    private VirtCmdValue _gone;
    private Row _node = null!;
    private Row[] _slots = [];
    private long _since;

    public VirtCmdLatency(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks) => _settings = settings;

    // For older exporters' names; powers of two hold no 10 ms.
    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.virtcmdlatency.{name}", Units.Calls, description);

    protected override void Prepare(BpfObject loaded)
    {
        _since = KernelClock.UnixNow();
        _node = new Row(LegacyTable, null, _since);
        _slots = LegacySlots.Rows(SlotTable, _since);
        _reader = new(loaded.Map("virtcmdlatency"));
        _devices.Clear();
        _gone = default;
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
        _reader!.Read();
        var sum = _gone;
        for (var i = 0; i < _reader.Count; i++)
        {
            ref readonly var value = ref _reader.Value(i);
            sum.Add(value);
            Take(snapshot, _reader.Keys[i], value);
        }
        var node = snapshot.Append(_node);
        node.Set(Slow, sum.Slow);
        node.Set(Slower, sum.Slower);
        for (var le = 0; le < _slots.Length; le++)
            snapshot.Append(_slots[le]).Set(Slots, LegacySlots.Value(sum.Histogram, le));
    }

    private void Take(SnapshotBuilder snapshot, VirtCmdKey key, in VirtCmdValue value)
    {
        if (Host.Namespaces.Directory.Find(key.Netns, key.NetnsCookie) is not { } ns)
            return;
        if (!_devices.TryGetValue(key, out var device))
            _devices.Add(key, device = new VirtCmdDevice());
        // A new name, or a namespace that nobody had found before: a series of its own begins.
        if (!ReferenceEquals(device.Row?.Namespace, ns) || !device.IsCalled(value.Name))
            device.Take(value.Name, new(Table, ns, Math.Max(_since, ns.StartTime), value.Name.ToString()));
        if (value.Limiter.Held > device.Held)
            Events.HeldBack(KeyOf(key.Netns, key.Ifindex), value.Limiter.Held - device.Held);
        device.Held = value.Limiter.Held;
        value.Histogram.Write(snapshot.Append(device.Row!), Duration);
        if (!Host.Namespaces.Directory.IsDead(ns))
            return;
        // These were its last figures; the node's go on without it.
        _gone.Add(value);
        Object.Map("virtcmdlatency").Delete(key);
        _devices.Remove(key);
    }

    private static EventKey KeyOf(uint netns, uint ifindex) => new(SlowCommand, netns, ifindex);

    protected override void Decode(ReadOnlySpan<byte> record)
    {
        ref readonly var e = ref MemoryMarshal.AsRef<VirtCmdEvent>(record);
        var key = KeyOf(e.Head.Netns, e.Ifindex);
        var time = KernelClock.ToUnix(e.Head.Time);
        if (!Events.Admit(key, time))
            return;
        var (name, process) = (e.Name.ToString(), e.Head.Process);
        var (group, command) = (VirtCmdNames.Class(e.Class), VirtCmdNames.Command(e.Class, e.Command));
        var ms = (e.Duration / 1e6).ToString("0.0##", CultureInfo.InvariantCulture);
        Publish(key, new NetworkEvent
        {
            Info = SlowCommand,
            Time = time,
            ObservedTime = KernelClock.UnixNow(),
            Message = $"{name} took {ms} ms for {group} {command}, asked by {process.Command}[{process.Tid}]",
            Namespace = NamespaceOf(e.Head),
            Process = process,
            LegacyType = e.Duration switch
            {
                > LegacySlower => "VIRTCMDEXCUTE_100MS",
                > LegacySlow => "VIRTCMDEXCUTE",
                _ => null,
            },
            Fields = [name, (long)e.Ifindex, group, command, e.Duration],
        });
    }

    /// <summary>A device in one namespace.</summary>
    private sealed class VirtCmdDevice
    {
        private Comm _name;

        public Row? Row { get; private set; }

        /// <summary>Events that the kernel side held back up to the last collection.</summary>
        public long Held { get; set; }

        public bool IsCalled(in Comm name) => ((ReadOnlySpan<byte>)name).SequenceEqual(_name);

        public void Take(in Comm name, Row row)
        {
            _name = name;
            Row = row;
        }
    }
}
