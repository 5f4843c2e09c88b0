using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>
/// The addresses of a namespace that are good anywhere (scope global), of devices that are up and have carrier.
/// </summary>
/// <remarks>
/// The address of every service, where kube-proxy works with IPVS, is on a device that is never up (kube-ipvs0).
/// Each device has an address of its own with IPv6: so they are asked for only after the kernel has told of a change,
/// and whenever all of the devices is asked for (<see cref="LinkTable"/>).
/// </remarks>
internal sealed class NodeAddresses : NamespaceSource, INetlinkSink, INetlinkNews
{
    /// <summary>Each is a series, and a node has a few.</summary>
    public const int Most = 64;

    private readonly List<UInt128> _all = [];
    private readonly NetlinkChannel _channel = new(NetlinkFamily.Route);
    private LinkTable? _links;
    private long _devices = -1;
    private bool _changed = true;

    public NodeAddresses() => _channel.Join(this, Rtnl.RTNLGRP_IPV4_IFADDR, Rtnl.RTNLGRP_IPV6_IFADDR);

    /// <summary>As <see cref="SocketMessage.LocalAddress"/> has them, each once, in the kernel's order.</summary>
    public ReadOnlySpan<UInt128> All => CollectionsMarshal.AsSpan(_all);

    /// <summary>How often they were asked for.</summary>
    internal int Asked { get; private set; }

    /// <summary>There are more than <see cref="Most"/>.</summary>
    public bool IsCut { get; private set; }

    protected override bool Read(NamespaceHandle handle)
    {
        _links = handle.Source<LinkTable>();
        if (!_links.EnsureRead(handle, LastUsed))
        {
            Failure = _links.Failure;
            return false;
        }
        if (_channel.Listen(handle) && _channel.Hears && !_changed && _devices == _links.Pass)
            return true;
        _devices = _links.Pass;
        Asked++;
        // NETLINK_GET_STRICT_CHK wants every field of ifaddrmsg to be 0: of all devices and families.
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<ifaddrmsg>()];
        request.Clear();
        if (_channel.Ask(handle, Rtnl.RTM_GETADDR, Rtnl.NLM_F_DUMP, request, this))
            return true;
        _changed = true;
        Failure = _channel.Failure;
        return false;
    }

    void INetlinkNews.Hear(in NetlinkMessage message) => _changed = true;

    void INetlinkNews.Miss() => _changed = true;

    void INetlinkSink.Begin()
    {
        // What was told until now is in the answer.
        _changed = false;
        _all.Clear();
        IsCut = false;
    }

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!TryParse(message, out var device, out var address))
            return false;
        if (address == 0 || _links!.Find(device) is not { IsUp: true } || _all.Contains(address))
            return true;
        if (_all.Count < Most)
            _all.Add(address);
        else
            IsCut = true;
        return true;
    }

    /// <summary>RTM_NEWADDR (inet_fill_ifaddr, inet6_fill_ifaddr); false for a message that is cut short.</summary>
    /// <param name="message">The message.</param>
    /// <param name="device">Index of the device that has it.</param>
    /// <param name="address">0 where it is of a smaller scope, or no address of IP.</param>
    internal static bool TryParse(scoped in NetlinkMessage message, out int device, out UInt128 address)
    {
        (device, address) = (0, 0);
        if (message.Type != Rtnl.RTM_NEWADDR || !message.TryRead<ifaddrmsg>(out var header, out var rest))
            return false;
        device = (int)header.ifa_index;
        var own = UInt128.Zero;
        var attributes = new NetlinkAttributes(rest);
        while (attributes.MoveNext(out var type, out var value))
        {
            if (type is Rtnl.IFA_ADDRESS)
                address = AddressOf(header.ifa_family, value);
            else if (type is Rtnl.IFA_LOCAL)
                own = AddressOf(header.ifa_family, value);
        }
        // Where both are there, the other is the peer's.
        if (own != 0)
            address = own;
        if (header.ifa_scope != Rtnl.RT_SCOPE_UNIVERSE)
            address = 0;
        return !attributes.Malformed;
    }

    private static UInt128 AddressOf(byte family, ReadOnlySpan<byte> value) =>
        family == AF_INET && value.Length == 4 ? SocketMessage.Mapped(BinaryPrimitives.ReadUInt32BigEndian(value))
        : family == AF_INET6 && value.Length == 16 ? BinaryPrimitives.ReadUInt128BigEndian(value)
        : 0;

    protected override void Dispose(bool disposing)
    {
        _channel.Dispose();
        base.Dispose(disposing);
    }
}
