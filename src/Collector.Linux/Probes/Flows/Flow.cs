using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Flows;

/// <summary>
/// What TCP connections and UDP sockets carried, by peer, server port and side: the greatest flows of each namespace,
/// and one row of all others. flow.bpf.c
/// </summary>
/// <remarks>
/// Of TCP the kernel keeps these figures in each socket. They are taken when a connection ends, and from all that are
/// open once per collection: nothing runs per packet. For UDP a program runs per packet of the node's sockets, at the
/// root cgroup, beside those of a CNI.
/// </remarks>
internal sealed class Flow : BpfProbe
{
    private static readonly ProbeOption<long> TopOption = Option.Integer(
        "top", 20, "Flows of a namespace that have rows of their own, those that carry most; all others share one.",
        least: 0, most: 1000);

    private static readonly ProbeOption<long> Bits4Option = Option.Integer(
        "ipv4Prefix", 24, "Bits of an IPv4 address that tell peers apart; where pods of this node are, all 32.",
        least: 8, most: 32);

    private static readonly ProbeOption<long> Bits6Option = Option.Integer(
        "ipv6Prefix", 64, "Bits of an IPv6 address that tell peers apart; where pods of this node are, all 128.",
        least: 16, most: 128);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096,
        "Flows of TCP, and as many of UDP, that are counted at once; what finds no room counts among the others.",
        least: 64, most: 1 << 20);

    private static readonly ProbeOption<bool> UdpOption = Option.Switch(
        "udp", standard: true,
        "UDP is counted, too, by a program that runs for each packet of the node's sockets.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "flow",
        Description = "What TCP connections and UDP sockets carried, by peer, server port and side: the greatest flows "
            + "of each namespace.",
        Source = "tracepoint sock:inet_sock_set_state, struct tcp_sock of all open connections; for UDP the sockets' "
            + "packets at the root cgroup",
        EnabledByDefault = false,
        Watches = true,
        Tables = [FlowCounters.Table],
        Options = [TopOption, Bits4Option, Bits6Option, EntriesOption, UdpOption],
    };

    private static readonly Hook[] Connections =
    [
        new("connections that end", new Way("set_state_raw")),
        new("open connections", new Way("walk_open", "find_table")),
    ];

    private static readonly Hook Datagrams =
        new("datagrams", new Way("datagram_sent", "datagram_received")) { Optional = true };

    private ProbeSettings _settings;
    private FlowCounters? _counters;

    public Flow(ProbeHost host, ProbeSettings settings)
        : base(Info, host, settings.Get(UdpOption) ? [.. Connections, Datagrams] : Connections)
    {
        _settings = settings;
    }

    public override void Start()
    {
        base.Start();
        var missing = Host.Bpf.Reports[Info.Id].Hooks.FirstOrDefault(static h => h.Taken is null);
        if (missing is not null)
            Host.Bpf.Note(Info.Id, $"UDP is not counted: {missing.Ways[^1].Reason}");
        try
        {
            _counters!.Begin();
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            Dispose(true);
            throw e as ProbeUnavailableException ?? new ProbeUnavailableException(e.Message, e);
        }
    }

    protected override void Configure(BpfObject opened)
    {
        var entries = (int)_settings.Get(EntriesOption);
        opened.Map("ended").Resize(entries);
        opened.Map("open").Resize(entries);
        opened.Map("datagrams").Resize(_settings.Get(UdpOption) ? entries : 1);
    }

    protected override void Prepare(BpfObject loaded)
    {
        var (bits4, bits6) = ((int)_settings.Get(Bits4Option), (int)_settings.Get(Bits6Option));
        loaded.Map("settings").Update(0u, new FlowSettings { Bits4 = (uint)bits4, Bits6 = (uint)bits6 });
        _counters?.Dispose();
        _counters = new FlowCounters(Host, loaded, bits4, bits6) { Top = (int)_settings.Get(TopOption) };
    }

    public override bool Reconfigure(ProbeSettings settings)
    {
        var fits = new[] { Bits4Option, Bits6Option, EntriesOption }.All(o => settings.Get(o) == _settings.Get(o))
            && settings.Get(UdpOption) == _settings.Get(UdpOption);
        _settings = settings;
        _counters!.Top = (int)settings.Get(TopOption);
        return fits;
    }

    public override void Collect(SnapshotBuilder snapshot) => _counters!.Collect(snapshot);

    protected override void Dispose(bool disposing)
    {
        _counters?.Dispose();
        _counters = null;
        base.Dispose(disposing);
    }
}
