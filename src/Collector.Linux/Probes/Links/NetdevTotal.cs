using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Links;

/// <summary>
/// Traffic of a namespace as a whole, so that no byte is counted twice and the sum never falls.
/// </summary>
/// <remarks>
/// <para>Which devices count:</para>
/// <list type="number">
/// <item>Never: loopback; devices made of others (bridge, bond, team, vrf); devices over another one of the same
/// namespace (IFLA_LINK: vlan, macvlan, ipvlan, both ends of a veth pair that does not leave); the half of a pair that
/// acts as one and counts for both (the virtual function under Azure's netvsc, what net_failover is made of: hardware
/// whose master is itself hardware); Open vSwitch beside its own ports; ifb and dummy, whose packets pass another
/// device too or go nowhere.</item>
/// <item>In the host's namespace hardware only: a veth or tap leads to a pod or guest, whose traffic with the world
/// passes the hardware anyway.</item>
/// <item>In any other namespace hardware and virtual devices that are not ports of a bridge. A port leads further down
/// (containers in the pod). A tunnel that sends from another namespace (IFLA_LINK_NETNSID), and a port of an Open
/// vSwitch that is elsewhere, are such devices.</item>
/// <item>Where that finds no device, the nearest there is: the host's virtual devices (a node that is itself a
/// container), then ports of bridges (a pod whose own veth is a port, KubeVirt), then tun and tap (user-mode networks),
/// then tunnels of which the kernel does not say where they send from (wireguard): with nothing else here that could
/// carry them, that is elsewhere. In a host namespace that is itself a container, traffic of its pods passes two
/// virtual devices and is counted at both.</item>
/// </list>
/// <para>
/// What is added is each device's growth since the last look. So a device that vanishes leaves its bytes in the sum,
/// and one that changes its role (joins a bridge) neither adds nor takes away its past. A device that comes from
/// another namespace brings its history and counts from its arrival, one that was made here from zero.
/// </para>
/// </remarks>
internal sealed class NetdevTotal(NetNamespace ns)
{
    /// <summary>Bytes, packets, errors, drops; each received, then sent.</summary>
    public const int Columns = 8;

    private const int Never = int.MaxValue;

    private readonly long[] _sums = new long[Columns];
    private readonly Row _row = new(Table, ns, ns.StartTime);
    private LinkTable _links = null!;
    private long _pass;
    private int _tier;
    private bool _switchHere;

    /// <summary>The sums so far, by column.</summary>
    public ReadOnlySpan<long> Sums => _sums;

    public static TableInfo Table { get; } = new("netdev.total", RowScope.Namespace, [],
    [
        Total("io", Units.Bytes, "Bytes", "receive"),
        Total("io", Units.Bytes, "Bytes", "transmit"),
        Total("packet.count", Units.Packets, "Packets", "receive"),
        Total("packet.count", Units.Packets, "Packets", "transmit"),
        Total("errors", Units.Errors, "Packets with errors", "receive"),
        Total("errors", Units.Errors, "Packets with errors", "transmit"),
        Total("packet.dropped", Units.Packets, "Packets dropped", "receive"),
        Total("packet.dropped", Units.Packets, "Packets dropped", "transmit"),
    ]);

    private static Metric Total(string name, string unit, string what, string direction) => Metric.Counter(
        $"netlens.netdev.{name}", unit,
        $"{what} of the namespace as a whole, no byte twice: loopback, bridges, bonds, tunnels over another left out.",
        [new("network.io.direction", direction)]);

    /// <summary>
    /// A device's figures in the order of the columns (rtnl_link_stats64, include/uapi/linux/if_link.h).
    /// </summary>
    /// <returns>False where the kernel sent no statistics.</returns>
    public static bool TryRead(ReadOnlySpan<long> statistics, Span<long> into)
    {
        into.Clear();
        if (statistics.Length < 8)
            return false;
        into[0] = statistics[2];
        into[1] = statistics[3];
        into[2] = statistics[0];
        into[3] = statistics[1];
        into[4] = statistics[4];
        into[5] = statistics[5];
        // /proc/net/dev adds rx_missed_errors to the drops (dev_seq_printf_stats, net/core/net-procfs.c).
        into[6] = statistics[6] + (statistics.Length > 15 ? statistics[15] : 0);
        into[7] = statistics[7];
        return true;
    }

    /// <summary>Finds which devices count from now on.</summary>
    public void Begin(LinkTable links)
    {
        if (_links == links && _pass == links.Pass)
            return;
        _pass = links.Pass;
        _links = links;
        _switchHere = false;
        foreach (var link in links.Links)
            _switchHere |= MasterOf(link) is { Role: LinkRole.Switch };
        _tier = Never;
        foreach (var link in links.Links)
            _tier = Math.Min(_tier, link.Tier = TierOf(link));
    }

    /// <summary>Notes the figures with which a device begins to count here; true where it has had a past.</summary>
    /// <param name="link">The device.</param>
    /// <param name="counted">Takes the figures.</param>
    /// <param name="wasHere">The namespace is as old as the machine and looked at for the first time.</param>
    public static bool BeginAt(Link link, long[] counted, bool wasHere)
    {
        if (link.Past is { } past)
            TryRead(past, counted);
        else if (link.PastIsUnknown || (!wasHere && link.Role == LinkRole.Physical))
            TryRead(link.Statistics, counted);
        return counted.AsSpan().ContainsAnyExcept(0);
    }

    /// <summary>Adds a device's growth if the device counts; notes its figures in any case.</summary>
    public void Add(Link link, long[] counted)
    {
        Span<long> now = stackalloc long[Columns];
        if (!TryRead(link.Statistics, now))
            return;
        var counts = _tier != Never && link.Tier == _tier;
        for (var i = 0; i < Columns; i++)
        {
            // A counter that fell was reset by its driver: it goes on from there.
            if (counts && now[i] > counted[i])
                _sums[i] += now[i] - counted[i];
            counted[i] = now[i];
        }
    }

    public void Write(SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(_row);
        for (var i = 0; i < Columns; i++)
            writer.Set(i, _sums[i]);
    }

    private int TierOf(Link link) => link.Role switch
    {
        LinkRole.Loopback or LinkRole.Master or LinkRole.Derived => Never,
        _ when IsUpper(link) || IsHalf(link) => Never,
        LinkRole.Physical => 0,
        LinkRole.Process => 3,
        LinkRole.Tunnel => !link.LowerElsewhere ? 4 : ns.IsHost ? 1 : 0,
        LinkRole.Switch when _switchHere => Never,
        _ when MasterOf(link) is { Kind: "bridge" or "openvswitch" } => 2,
        _ => ns.IsHost ? 1 : 0,
    };

    // A lower index that no device here has belongs to another namespace (kernels before 4.0 send no IFLA_LINK_NETNSID
    // for some kinds).
    private bool IsUpper(Link link) => link.LowerHere > 0 && _links.Find(link.LowerHere) is not null;

    // netvsc and net_failover add the figures of what they are made of to their own.
    private bool IsHalf(Link link) => MasterOf(link) is { Role: LinkRole.Physical or LinkRole.Virtual };

    private Link? MasterOf(Link link) => link.Master > 0 ? _links.Find(link.Master) : null;
}
