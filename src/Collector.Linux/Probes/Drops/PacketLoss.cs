using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// Packets that the kernel threw away, with its reason, per namespace; the first of each kind as events with both
/// ends and the place in the kernel. packetloss.bpf.c
/// </summary>
internal sealed class PacketLoss : BpfProbe
{
    internal static readonly EventInfo Dropped = new()
    {
        Name = "netlens.packetloss.drop",
        Severity = EventSeverity.Warn,
        Description = "A packet was dropped, for a reason that is not benign.",
        Fields =
        [
            new("netlens.drop.reason"), new("netlens.drop.location"), new("netlens.packet.size"),
            new("netlens.interface.index"), new("netlens.tcp.flags"),
        ],
        LegacyTypes = ["PacketLoss", "PACKETLOSS"],
    };

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "packetloss",
        Description = "Dropped packets with the kernel's reason, and events with both ends and the place.",
        Source = "tracepoint skb:kfree_skb (net/core/skbuff.c)",
        Watches = true,
        Tables = [PacketLossTables.Drops, PacketLossTables.Unattributed, PacketLossTables.Legacy],
        Events = [Dropped],
        Options =
        [
            new("stack", OptionKind.Boolean, "false", "Add the kernel stack to events."),
            new("ignore", OptionKind.List, "QUEUE_PURGE,SKB_CONSUMED,TCP_OFOMERGE,TCP_OLD_DATA,SOCKET_CLOSE,OTHERHOST",
                "Reasons (without SKB_DROP_REASON_) that are no loss: neither counted nor reported."),
            new("ignoreFunctions", OptionKind.List,
                "sk_stream_kill_queues,skb_queue_purge,skb_queue_purge_reason,inet_sock_destruct,"
                + "ping_rcv,ping_rcv:NO_SOCKET,icmp_rcv,icmp_rcv:NO_SOCKET,icmpv6_rcv,icmpv6_rcv:NO_SOCKET,"
                + "ip6_mc_input",
                "Kernel functions whose drops without a particular reason are no loss; FUNCTION:REASON with that one."),
            new("silent", OptionKind.List, "UNHANDLED_PROTO", "Reasons that are counted but make no events."),
            new("entries", OptionKind.Integer, "8192", "Combinations of namespace, reason, place and family.")
            {
                Minimum = 64, Maximum = 1 << 20,
            },
            new("burst", OptionKind.Integer, "10", "Events per second, combination and CPU that leave the kernel.")
            {
                Minimum = 0, Maximum = 1000,
            },
        ],
    };

    private static readonly Hook[] Hooks =
    [
        new("kfree_skb",
            new Way("kfree_skb_sk_btf")
            {
                Assumes = [("kfree_skb", 2, "skb_drop_reason"), ("kfree_skb", 3, "sock*")],
            },
            new Way("kfree_skb_reason_btf") { Assumes = [("kfree_skb", 2, "skb_drop_reason")] },
            new Way("kfree_skb_reason_raw") { Assumes = [("kfree_skb", 2, "skb_drop_reason")] },
            new Way("kfree_skb_btf"),
            new Way("kfree_skb_raw")),
    ];

    private DropReasons _reasons = null!;
    private DropPlaces _places = null!;
    private PacketLossCounts _counts = null!;
    private ProbeSettings _settings;

    public PacketLoss(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks) => _settings = settings;

    protected override void Configure(BpfObject opened)
    {
        var entries = (int)_settings.Integer("entries");
        opened.Map("packetloss").Resize(entries);
        opened.Map("overflow").Resize(Math.Max(16, entries / 8));
    }

    protected override void Prepare(BpfObject loaded)
    {
        _reasons = new DropReasons(Host.Bpf.Environment.Btf);
        _places = new DropPlaces(Host.Bpf.Environment.Symbols, _reasons, loaded.Map("muted"));
        WriteSettings(loaded);
        _counts = new PacketLossCounts(Host, loaded, _reasons, _places);
    }

    private void WriteSettings(BpfObject loaded)
    {
        loaded.Map("settings").Update(0u, new PacketLossSettings
        {
            Burst = (uint)_settings.Integer("burst"),
            Stack = _settings.Flag("stack") ? 1u : 0,
            Actions = _reasons.Actions(_settings),
        });
        _places.Ignore(_settings.List("ignoreFunctions"));
        foreach (var name in _reasons.Unknown(_settings))
            Host.Bpf.Note(Info.Id, $"this kernel has no drop reason {name}");
    }

    /// <inheritdoc/>
    public override bool Reconfigure(ProbeSettings settings)
    {
        if (settings.Integer("entries") != _settings.Integer("entries"))
            return false;
        _settings = settings;
        WriteSettings(Object);
        _counts.Review(_reasons.Actions(settings));
        return true;
    }

    public override void Collect(SnapshotBuilder snapshot) => _counts.Collect(snapshot, Events);

    protected override void Decode(ReadOnlySpan<byte> record)
    {
        ref readonly var e = ref MemoryMarshal.AsRef<PacketLossEvent>(record);
        var place = _places.Of(e.Location);
        if (_places.IsIgnored(place, e.Reason))
        {
            _places.Mute(e.Location, e.Reason);
            return;
        }
        var key = KeyOf(e.Head.Netns, e.Reason, e.Location);
        var time = KernelClock.ToUnix(e.Head.Time);
        if (!Events.Admit(key, time))
            return;
        var reason = e.Reason == 0 ? place.Function : _reasons.Name(e.Reason);
        var tuple = e.Flow.Tuple;
        Publish(key, new NetworkEvent
        {
            Info = Dropped,
            Time = time,
            ObservedTime = KernelClock.UnixNow(),
            Message = $"dropped {tuple?.ToString() ?? $"packet of {e.Length} bytes"}: {reason} in {place.Text}",
            Subject = NamespaceOf(e.Head),
            Process = e.Head.Process,
            Tuple = tuple,
            Fields =
            [
                reason, place.Text, (long)e.Length, e.Ifindex == 0 ? (TagValue?)null : (long)e.Ifindex,
                e.Flow.TcpFlags == 0 ? (TagValue?)null : TcpFlags.Text(e.Flow.TcpFlags),
            ],
            LegacyType = Dropped.LegacyTypes[0],
            Stack = e.StackSize > 0
                ? Stack(e.Location, record.Slice(Unsafe.SizeOf<PacketLossEvent>(), e.StackSize))
                : [],
        });
    }

    /// <summary>What is limited together: a reason, or a place where the kernel gives no reason.</summary>
    internal static EventKey KeyOf(uint netns, uint reason, ulong location) =>
        new(Dropped, netns, reason == 0 ? (long)location : reason);

    // From the function that dropped it: those above it are the tracepoint's.
    private string[] Stack(ulong location, ReadOnlySpan<byte> frames)
    {
        var addresses = MemoryMarshal.Cast<byte, ulong>(frames);
        var from = Math.Max(0, addresses.IndexOf(location));
        var stack = new string[addresses.Length - from];
        for (var i = 0; i < stack.Length; i++)
            stack[i] = Host.Bpf.Environment.Symbols.Describe(addresses[from + i]);
        return stack;
    }
}
