using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>Where a device stands in its namespace, as far as its own description says.</summary>
public enum LinkRole
{
    /// <summary>Hardware, or what a hypervisor presents as such: no rtnl_link_ops.</summary>
    Physical,

    /// <summary>Leads out of the namespace without hardware: veth, netkit, macvlan, ipvlan.</summary>
    Virtual,

    /// <summary>tun or tap: leads to a process.</summary>
    Process,

    /// <summary>Made of other devices: bridge, bond, team, vrf.</summary>
    Master,

    /// <summary>Its packets pass, wrapped, a device of the namespace in which it was made.</summary>
    Tunnel,

    /// <summary>Open vSwitch: its datapath or a port of it, which may be moved away from it.</summary>
    Switch,

    /// <summary>Its packets pass another device too, redirected, or go nowhere.</summary>
    Derived,

    Loopback,
}

/// <summary>
/// A network device as of the last dump. The object lives as long as the device stays in the namespace.
/// </summary>
public sealed class Link(int index)
{
    /// <summary>Fields of rtnl_link_stats64 that we know of; a kernel may send fewer.</summary>
    public const int StatisticCount = 25;

    private readonly long[] _statistics = new long[StatisticCount];

    public int Index { get; } = index;

    public string Name { get; private set; } = "";

    /// <summary>The kernel's kind, <c>physical</c> where it has none, <c>loopback</c>.</summary>
    public string Kind { get; private set; } = "";

    public LinkRole Role { get; private set; }

    /// <summary>The device below or the veth's peer, when it is in this namespace; else 0.</summary>
    public int LowerHere { get; private set; }

    /// <summary>The device below, the peer, or the namespace from which a tunnel sends is another one.</summary>
    public bool LowerElsewhere { get; private set; }

    public int Master { get; private set; }

    public long Mtu { get; private set; }

    /// <summary>Up and with carrier: what ip(8) calls LOWER_UP, RFC 2863's up or unknown.</summary>
    public bool IsUp { get; private set; }

    /// <summary>-1 where the kernel does not say.</summary>
    public long CarrierChanges { get; private set; }

    /// <summary>rtnl_link_stats64 in its order, as many as the kernel sent.</summary>
    public ReadOnlySpan<long> Statistics => _statistics.AsSpan(0, StatisticsSent);

    /// <summary>The same at the moment it came into the namespace; null where nobody saw it come.</summary>
    public long[]? Past { get; init; }

    /// <summary>It came between two looks, and nobody saw with what.</summary>
    public bool PastIsUnknown { get; init; }

    internal int StatisticsSent { get; private set; }

    internal long Pass { get; set; }

    /// <summary>For the namespace's total: which devices it counts with.</summary>
    internal int Tier { get; set; }

    internal void Update(ref LinkMessage message)
    {
        Name = NamePool.Of(message.Name, Name);
        var loopback = (message.Flags & Rtnl.IFF_LOOPBACK) != 0;
        if (Kind.Length == 0 || !SameKind(message.Kind, loopback))
        {
            Kind = loopback ? "loopback" : message.Kind.IsEmpty ? "physical" : NamePool.Of(message.Kind);
            Role = loopback ? LinkRole.Loopback : LinkRoles.Of(Kind);
        }
        LowerElsewhere = message.LowerElsewhere;
        LowerHere = message.LowerElsewhere || message.LowerIndex == Index ? 0 : message.LowerIndex;
        Master = message.Master;
        Mtu = message.Mtu;
        IsUp = (message.Flags & (Rtnl.IFF_UP | Rtnl.IFF_RUNNING)) == (Rtnl.IFF_UP | Rtnl.IFF_RUNNING);
        CarrierChanges = message.CarrierChanges;
        Update(message.Statistics);
    }

    internal void Update(ReadOnlySpan<ulong> statistics) => StatisticsSent = Copy(statistics, _statistics);

    internal static long[] StatisticsOf(scoped in LinkMessage message)
    {
        var statistics = new long[StatisticCount];
        Copy(message.Statistics, statistics);
        return statistics;
    }

    private static int Copy(ReadOnlySpan<ulong> statistics, Span<long> into)
    {
        var sent = Math.Min(statistics.Length, StatisticCount);
        MemoryMarshal.Cast<ulong, long>(statistics[..sent]).CopyTo(into);
        return sent;
    }

    private bool SameKind(ReadOnlySpan<byte> kind, bool loopback) =>
        loopback ? Role == LinkRole.Loopback : kind.IsEmpty ? Kind == "physical" : Ascii.Equals(kind, Kind);

    public override string ToString() => $"{Name} ({Kind}, {Index})";
}

/// <summary>What the kernel's link kinds mean for adding up traffic.</summary>
internal static class LinkRoles
{
    public static LinkRole Of(string kind) => kind switch
    {
        // ipoib, wwan and can register rtnl_link_ops for hardware.
        "physical" or "ipoib" or "wwan" or "can" => LinkRole.Physical,
        "tun" => LinkRole.Process,
        "bridge" or "bond" or "team" or "vrf" or "hsr" or "batadv" => LinkRole.Master,
        "openvswitch" => LinkRole.Switch,
        "vxlan" or "geneve" or "gre" or "gretap" or "ip6gre" or "ip6gretap" or "erspan" or "ip6erspan" or "ipip"
            or "sit" or "ip6tnl" or "vti" or "vti6" or "xfrm" or "wireguard" or "gtp" or "bareudp" or "amt" or "ovpn"
            or "pfcp" or "ppp" => LinkRole.Tunnel,
        "ifb" or "dummy" or "nlmon" or "vsockmon" or "vcan" => LinkRole.Derived,
        _ => LinkRole.Virtual,
    };
}
