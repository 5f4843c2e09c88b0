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
        Options = PacketLossOptions.All,
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
        var entries = (int)_settings.Get(PacketLossOptions.Entries);
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
            Burst = (uint)_settings.Get(PacketLossOptions.Burst),
            Stack = _settings.Get(PacketLossOptions.Stack) ? 1u : 0,
            Actions = _reasons.Actions(_settings),
        });
        _places.Ignore(_settings.Get(PacketLossOptions.IgnoreFunctions));
        foreach (var name in _reasons.Unknown(_settings))
            Host.Bpf.Note(Info.Id, $"this kernel has no drop reason {name}");
    }

    /// <inheritdoc/>
    public override bool Reconfigure(ProbeSettings settings)
    {
        if (settings.Get(PacketLossOptions.Entries) != _settings.Get(PacketLossOptions.Entries))
            return false;
        _settings = settings;
        WriteSettings(Object);
        _counts.Review(_reasons.Actions(settings));
        return true;
    }

    public override void Collect(SnapshotBuilder snapshot) => _counts.Collect(snapshot, Events);

    protected override void Decode(ReadOnlySpan<byte> record)
    {
        var e = KernelStack.Read<PacketLossEvent>(record);
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
            Namespace = NamespaceOf(e.Head),
            Process = e.Head.Process,
            Tuple = tuple,
            Fields =
            [
                reason, place.Text, (long)e.Length, e.Ifindex == 0 ? (TagValue?)null : (long)e.Ifindex,
                e.Flow.TcpFlags == 0 ? (TagValue?)null : TcpFlags.Text(e.Flow.TcpFlags),
            ],
            LegacyType = Dropped.LegacyTypes[0],
            // From the function that dropped it: those above it are the tracepoint's.
            Stack = e.Stack.Describe(Host.Bpf.Environment.Symbols, from: e.Location),
        });
    }

    /// <summary>What is limited together: a reason, or a place where the kernel gives no reason.</summary>
    internal static EventKey KeyOf(uint netns, uint reason, ulong location) =>
        new(Dropped, netns, reason == 0 ? (long)location : reason);
}
