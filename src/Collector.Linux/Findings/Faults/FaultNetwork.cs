using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Findings.Faults;

/// <summary>Devices, addresses, routes and queues of a namespace, made as ip(8) and tc(8) make them.</summary>
internal static class FaultNetwork
{
    /// <summary>A locally administered hardware address that no device has.</summary>
    private static readonly byte[] NobodysHardware = [2, 0, 0, 0, 0, 0x77];

    /// <summary>A pair of devices, the second one in another namespace.</summary>
    public static void AddPair(this FaultNamespace ns, string name, string second, SafeFd other, uint mtu = 1500) =>
        ns.Run(() => Link($"add a pair of devices {name} and {second}", Rtnl.NLM_F_CREATE, default)
            .Attribute(Rtnl.IFLA_IFNAME, Text(name)).Value(Rtnl.IFLA_MTU, mtu)
            .Begin(Rtnl.IFLA_LINKINFO).Attribute(Rtnl.IFLA_INFO_KIND, "veth"u8)
            .Begin(Rtnl.IFLA_INFO_DATA).Begin(Rtnl.VETH_INFO_PEER).Add(default(ifinfomsg))
            .Attribute(Rtnl.IFLA_IFNAME, Text(second)).Value(Rtnl.IFLA_NET_NS_FD, other.Value)
            .End().End().End().Send());

    /// <summary>Sets a device up, and its hardware address where one is given.</summary>
    public static void SetLink(this FaultNamespace ns, string name, byte[]? hardware = null) => ns.Run(() =>
    {
        var request = Link($"set {name} up (needs CAP_NET_ADMIN)", 0, new ifinfomsg
        {
            ifi_index = IndexOf(name),
            ifi_flags = Rtnl.IFF_UP,
            ifi_change = Rtnl.IFF_UP,
        });
        if (hardware is not null)
            request.Attribute(Rtnl.IFLA_ADDRESS, hardware);
        request.Send();
    });

    /// <summary>Sets a device down: the other one of its pair loses its carrier.</summary>
    public static void SetDown(this FaultNamespace ns, string name) => ns.Run(() =>
        Link($"set {name} down (needs CAP_NET_ADMIN)", 0, new ifinfomsg
        {
            ifi_index = IndexOf(name),
            ifi_change = Rtnl.IFF_UP,
        }).Send());

    /// <summary>Gives a device an address that is usable at once.</summary>
    public static void AddAddress(this FaultNamespace ns, string device, IPAddress address, byte prefix) => ns.Run(() =>
        NetlinkRequest.Of($"add {address}/{prefix} to {device}", Rtnl.RTM_NEWADDR, Rtnl.NLM_F_CREATE, new ifaddrmsg
        {
            ifa_family = Family(address),
            ifa_prefixlen = prefix,
            ifa_flags = address.AddressFamily == AddressFamily.InterNetworkV6 ? Rtnl.IFA_F_NODAD : (byte)0,
            ifa_index = (uint)IndexOf(device),
        }).Attribute(Rtnl.IFA_LOCAL, address.GetAddressBytes()).Attribute(Rtnl.IFA_ADDRESS, address.GetAddressBytes())
            .Send());

    /// <summary>A route by a gateway.</summary>
    public static void AddRoute(this FaultNamespace ns, IPNetwork to, IPAddress gateway) => ns.Run(() =>
        Route($"add a route to {to} by {gateway}", to, Rtnl.RTN_UNICAST)
            .Attribute(Rtnl.RTA_GATEWAY, gateway.GetAddressBytes()).Send());

    /// <summary>A route by a device.</summary>
    public static void AddRoute(this FaultNamespace ns, IPNetwork to, string device, IPAddress source) => ns.Run(() =>
        Route($"add a route to {to} by {device}", to, Rtnl.RTN_UNICAST)
            .Value(Rtnl.RTA_OIF, IndexOf(device)).Attribute(Rtnl.RTA_PREFSRC, source.GetAddressBytes()).Send());

    /// <summary>A route that leads nowhere: RTN_PROHIBIT.</summary>
    public static void AddRoute(this FaultNamespace ns, IPNetwork to, byte type) => ns.Run(() =>
        Route($"add a route to {to} that leads nowhere", to, type).Send());

    /// <summary>
    /// Says that a neighbour has a hardware address that nobody has: what is sent there is lost on the way.
    /// </summary>
    public static void Lose(this FaultNamespace ns, IPAddress neighbour, string device) =>
        ns.SetNeighbour(neighbour, device, NobodysHardware);

    /// <summary>Says which hardware address a neighbour has, for good.</summary>
    public static void SetNeighbour(
        this FaultNamespace ns, IPAddress neighbour, string device, byte[] hardware) => ns.Run(() =>
        NetlinkRequest.Of($"add the neighbour {neighbour}", Rtnl.RTM_NEWNEIGH,
            (ushort)(Rtnl.NLM_F_CREATE | Rtnl.NLM_F_REPLACE), new ndmsg
            {
                ndm_family = Family(neighbour),
                ndm_ifindex = IndexOf(device),
                ndm_state = Rtnl.NUD_PERMANENT,
            }).Attribute(Rtnl.NDA_DST, neighbour.GetAddressBytes()).Attribute(Rtnl.NDA_LLADDR, hardware).Send());

    /// <summary>Lets a device send no faster: a queue of so many bytes before it.</summary>
    public static void Limit(this FaultNamespace ns, string device, uint bytesPerSecond, uint queue) => ns.Run(() =>
        Queue($"set a tbf before {device}", device, "tbf"u8).Begin(Rtnl.TCA_OPTIONS)
            .Value(Rtnl.TCA_TBF_PARMS, new tc_tbf_qopt
            {
                rate = new() { rate = bytesPerSecond, linklayer = Rtnl.TC_LINKLAYER_ETHERNET },
                limit = queue,
            }).Value(Rtnl.TCA_TBF_BURST, 1600U).End().Send());

    private static NetlinkRequest Link(string what, ushort flags, ifinfomsg body) =>
        NetlinkRequest.Of(what, Rtnl.RTM_NEWLINK, flags, body);

    private static NetlinkRequest Route(string what, IPNetwork to, byte type) =>
        NetlinkRequest.Of(what, Rtnl.RTM_NEWROUTE, (ushort)(Rtnl.NLM_F_CREATE | Rtnl.NLM_F_REPLACE), new rtmsg
        {
            rtm_family = Family(to.BaseAddress),
            rtm_dst_len = (byte)to.PrefixLength,
            rtm_table = Rtnl.RT_TABLE_MAIN,
            rtm_protocol = Rtnl.RTPROT_STATIC,
            rtm_type = type,
        }).Attribute(Rtnl.RTA_DST, to.BaseAddress.GetAddressBytes());

    private static NetlinkRequest Queue(string what, string device, ReadOnlySpan<byte> kind) =>
        NetlinkRequest.Of(what, Rtnl.RTM_NEWQDISC, (ushort)(Rtnl.NLM_F_CREATE | Rtnl.NLM_F_REPLACE), new tcmsg
        {
            tcm_ifindex = IndexOf(device),
            tcm_parent = Rtnl.TC_H_ROOT,
        }).Attribute(Rtnl.TCA_KIND, [.. kind, 0]);

    // Of the calling thread's namespace.
    private static int IndexOf(string device) => Libc.if_nametoindex(device) is > 0 and var index
        ? (int)index
        : throw LinuxException.Last($"find the device {device}");

    private static byte Family(IPAddress address) =>
        (byte)(address.AddressFamily == AddressFamily.InterNetwork ? AF_INET : AF_INET6);

    internal static byte[] Text(string text) => [.. Encoding.ASCII.GetBytes(text), 0];
}
