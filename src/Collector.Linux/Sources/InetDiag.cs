using System.Runtime.CompilerServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>Asks for the TCP sockets of a namespace, IPv4 and IPv6 together; or for those of UDP.</summary>
/// <remarks>
/// The legacy request TCPDIAG_GETSOCK has no address family and walks the hash once for both
/// (inet_diag_dump_compat, net/ipv4/inet_diag.c); SOCK_DIAG_BY_FAMILY walks it once per family. The walk is the cost:
/// the hash is the machine's, not the namespace's. It cannot be left out where /proc/net/sockstat says "inuse 0": a
/// half-open connection is not counted there, and one whose listener was closed stays until its timer.
/// </remarks>
/// <param name="perFamily">Without the legacy request, which knows TCP only.</param>
/// <param name="protocol">IPPROTO_TCP, or another with <paramref name="perFamily"/>.</param>
internal sealed class InetDiag(bool perFamily = false, byte protocol = SockDiag.IPPROTO_TCP) : IDisposable
{
    public const uint Listen = 1 << 10;

    /// <summary>States 1 to 11 but LISTEN. SYN_RECV (3) stands for the kernel's NEW_SYN_RECV too.</summary>
    public const uint AllButListen = 0xffe & ~Listen;

    /// <summary>Of UDP, connected or not.</summary>
    public const uint All = 0xffe;

    private readonly NetlinkChannel _channel = new(NetlinkFamily.SockDiag);
    private readonly Continuation _second = new();
    private bool _perFamily = perFamily;

    public string Failure => _channel.Failure;

    /// <summary>Gives every socket in one of the states (a bit each) to the sink.</summary>
    public bool Ask(NamespaceHandle handle, uint states, bool memory, INetlinkSink sink)
    {
        var extensions = (byte)(memory ? 1 << (SockDiag.INET_DIAG_SKMEMINFO - 1) : 0);
        if (!_perFamily)
        {
            if (AskLegacy(handle, states, extensions, sink))
                return true;
            // A kernel that no longer has the compatibility layer says so; anything else is a failure of this time.
            if (!_channel.Error.IsAny(ENOENT, EINVAL, EOPNOTSUPP))
                return false;
        }
        if (!AskFamily(handle, AF_INET, states, extensions, sink))
            return false;
        _perFamily = true;
        // Where IPv6 is not built in, there are no such sockets: ENOENT from the missing handler.
        _second.Inner = sink;
        return AskFamily(handle, AF_INET6, states, extensions, _second) || _channel.Error == ENOENT;
    }

    private bool AskLegacy(NamespaceHandle handle, uint states, byte extensions, INetlinkSink sink)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<inet_diag_req>()];
        request.Clear();
        ref var payload = ref NetlinkChannel.Payload<inet_diag_req>(request);
        payload.idiag_ext = extensions;
        payload.idiag_states = states;
        return _channel.Ask(handle, SockDiag.TCPDIAG_GETSOCK, Rtnl.NLM_F_DUMP, request, sink);
    }

    private bool AskFamily(NamespaceHandle handle, int family, uint states, byte extensions, INetlinkSink sink)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<inet_diag_req_v2>()];
        request.Clear();
        ref var payload = ref NetlinkChannel.Payload<inet_diag_req_v2>(request);
        payload.sdiag_family = (byte)family;
        payload.sdiag_protocol = protocol;
        payload.idiag_ext = extensions;
        payload.idiag_states = states;
        return _channel.Ask(handle, SockDiag.SOCK_DIAG_BY_FAMILY, Rtnl.NLM_F_DUMP, request, sink);
    }

    public void Dispose() => _channel.Dispose();

    // The second family adds to the first. socket dumps are never flagged NLM_F_DUMP_INTR (no generation is kept), so
    // nothing is counted twice.
    private sealed class Continuation : INetlinkSink
    {
        public INetlinkSink Inner { get; set; } = null!;

        public void Begin()
        {
        }

        public bool Take(in NetlinkMessage message) => Inner.Take(message);
    }
}
