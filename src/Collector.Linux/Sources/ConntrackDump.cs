using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Asks for the entries of a namespace's connection tracking that have another source than whoever began them (SNAT).
/// </summary>
/// <remarks>
/// From Linux 5.13 on the kernel leaves out the others; before, the sink does. Not to be asked where connection
/// tracking is not loaded: that would load it.
/// </remarks>
internal sealed class ConntrackDump : IDisposable
{
    private const ushort Get = Ctnetlink.NFNL_SUBSYS_CTNETLINK << 8 | Ctnetlink.IPCTNL_MSG_CT_GET;
    private const int AttributeLength = 8;

    private readonly NetlinkChannel _channel = new(NetlinkFamily.Netfilter);

    public string Failure => _channel.Failure;

    /// <summary>Gives every such entry to the sink, and from older kernels all others.</summary>
    public bool Ask(NamespaceHandle ns, INetlinkSink sink)
    {
        var head = Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<nfgenmsg>();
        Span<byte> request = stackalloc byte[head + 2 * AttributeLength];
        request.Clear();
        Write(request[head..], Ctnetlink.CTA_STATUS);
        Write(request[(head + AttributeLength)..], Ctnetlink.CTA_STATUS_MASK);
        return _channel.Ask(ns, Get, Rtnl.NLM_F_DUMP, request, sink);
    }

    private static void Write(Span<byte> at, ushort type)
    {
        MemoryMarshal.Write(at, new nlattr { nla_len = AttributeLength, nla_type = type });
        BinaryPrimitives.WriteUInt32BigEndian(at[Unsafe.SizeOf<nlattr>()..], Ctnetlink.IPS_SRC_NAT);
    }

    public void Dispose() => _channel.Dispose();
}
