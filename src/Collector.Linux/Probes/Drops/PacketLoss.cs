using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

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
        Description = "A packet was lost: nobody was told.",
        Fields =
        [
            new("netlens.drop.reason"), new("netlens.drop.location"), new("netlens.packet.size"),
            new("netlens.interface.index"), new("netlens.tcp.flags"),
        ],
    };

    internal static readonly EventInfo Refused = new()
    {
        Name = "netlens.packetloss.refused",
        Severity = EventSeverity.Info,
        Description = "A packet was dropped, and its sender was told by a reset or an ICMP error.",
        Fields = Dropped.Fields,
    };

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "packetloss",
        Description = "Dropped packets with the kernel's reason, and events with both ends and the place.",
        Source = "tracepoint skb:kfree_skb (net/core/skbuff.c); tcp:tcp_send_reset, icmp:icmp_send, tcp_v4_send_reset, "
            + "tcp_v6_send_reset, __icmp_send, icmp6_send, nf_ct_attach and tcp_timewait_state_process where the "
            + "kernel needs them",
        Watches = true,
        Essential = true,
        Tables =
        [
            PacketLossTables.Drops, PacketLossTables.Lost, PacketLossTables.Unattributed, PacketLossTables.Legacy,
        ],
        Events = [Dropped, Refused],
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
        new("answers by a reset",
            new Way("send_reset_reason_raw") { Assumes = [("tcp_send_reset", 2, "sk_rst_reason")] },
            new Way("v4_send_reset_fentry", "v6_send_reset_fentry?"),
            new Way("v4_send_reset_kprobe", "v6_send_reset_kprobe?"),
            new Way("send_reset_raw")) { Optional = true },
        new("answers by ICMP",
            new Way("icmp_send_raw"), new Way("icmp_send_fentry"), new Way("icmp_send_kprobe")) { Optional = true },
        new("answers by ICMPv6", new Way("icmp6_send_fentry"), new Way("icmp6_send_kprobe")) { Optional = true },
        // Of a rule that rejects; ICMP errors pass there too.
        new("answers by a netfilter rule",
            new Way("ct_attach_fentry"), new Way("ct_attach_kprobe")) { Optional = true },
        // From 6.11 the socket that a freed packet comes with tells, too.
        new("segments in TIME_WAIT",
            new Way("time_wait_fentry"), new Way("time_wait_kprobe")) { Optional = true },
    ];

    private DropReasons _reasons = null!;
    private DropPlaces _places = null!;
    private PacketLossCounts _counts = null!;
    private LostSegments? _segments;
    private ProbeSettings _settings;

    public PacketLoss(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks)
    {
        _settings = settings;
        var (dropped, refused) = (Kind(Dropped), Kind(Refused));
        Decoder = new EventDecoder<PacketLossEvent>(host, (in e) => IsRefused(e.Case, _places) ? refused : dropped)
        {
            LeastBytes = KernelStack.LeastBytes<PacketLossEvent>(),
            Screen = (in e) => _places.Recall(e.Case) switch
            {
                null => Screening.Unknown,
                { IsEvent: true } => Screening.Event,
                _ => Screening.Nothing,
            },
            IsEvent = (in e) => _places.Judge(e.Case).IsEvent,
        };
    }

    private EventKind<PacketLossEvent> Kind(EventInfo info) => new()
    {
        Info = info,
        Reason = static (in e) => ReasonOf(e.Reason, e.Location),
        Tuple = static (in e) => e.Flow.Tuple,
        Severity = (in e) => DropWords.Severity(info.Severity, e.Flow.TcpFlags, ReasonName(e)),
        Message = (in e, parties) =>
            $"{parties.DidToPacket(info == Refused ? "refused" : "dropped", $"a packet of {e.Length} bytes")}: "
            + DropWords.Why(ReasonName(e), _places.Of(e.Location).Text),
        Fields = (in e) =>
        [
            ReasonName(e), _places.Of(e.Location).Text, (long)e.Length,
            e.Ifindex == 0 ? (TagValue?)null : (long)e.Ifindex,
            e.Flow.TcpFlags == 0 ? (TagValue?)null : TcpFlags.Text(e.Flow.TcpFlags),
        ],
        // From the function that dropped it: those above it are the tracepoint's.
        Stack = static (in e, symbols) => e.Stack.Describe(symbols, from: e.Location),
    };

    private string ReasonName(in PacketLossEvent e) =>
        e.Reason == 0 ? _places.Of(e.Location).Function : _reasons.Name(e.Reason);

    protected override void Configure(BpfObject opened)
    {
        var entries = (int)_settings.Get(PacketLossOptions.Entries);
        opened.Map("packetloss").Resize(entries);
        opened.Map("overflow").Resize(Math.Max(16, entries / 8));
    }

    protected override void Prepare(BpfObject loaded)
    {
        var environment = Host.Bpf.Environment;
        _reasons = new DropReasons(environment.Btf, environment.ModuleEnum);
        _places = new DropPlaces(environment.Symbols, _reasons, loaded.Map("muted"));
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
        _places.Configure(_settings);
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
        _counts.Review();
        return true;
    }

    public override void Collect(SnapshotBuilder snapshot) => _counts.Collect(snapshot, Host.Events);

    /// <summary>What is limited together: a reason, or a place where the kernel gives no reason.</summary>
    internal static EventKey KeyOf(uint netns, DropCase drop, DropPlaces places) =>
        new(IsRefused(drop, places) ? Refused : Dropped, netns, ReasonOf(drop.Reason, drop.Location));

    private static bool IsRefused(DropCase drop, DropPlaces places) =>
        places.Recall(drop)?.Outcome == DropOutcome.Refused;

    private static long ReasonOf(uint reason, ulong location) => reason == 0 ? (long)location : reason;

    public override void Start()
    {
        base.Start();
        _segments = new LostSegments(Object, LostSegments.Watched);
        _segments.Begin();
    }

    protected override void Dispose(bool disposing)
    {
        _segments?.End();
        _segments = null;
        _places?.Close();
        base.Dispose(disposing);
    }
}
