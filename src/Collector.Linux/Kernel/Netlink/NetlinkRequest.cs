using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>A request that changes something, made of a structure and attributes. Not for collections.</summary>
/// <param name="what">What it does, for the message of its failure.</param>
internal sealed class NetlinkRequest(string what)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(512);
    private readonly Stack<int> _open = [];

    /// <summary>Begins with header and structure.</summary>
    public static NetlinkRequest Of<T>(string what, ushort type, ushort flags, T body) where T : unmanaged =>
        Part(what, type, (ushort)(Rtnl.NLM_F_ACK | flags), body);

    /// <summary>The same as a part of several, of which only the last asks for its confirmation.</summary>
    public static NetlinkRequest Part<T>(string what, ushort type, ushort flags, T body) where T : unmanaged =>
        new NetlinkRequest(what).Add(new nlmsghdr
        {
            nlmsg_type = type,
            nlmsg_flags = (ushort)(Rtnl.NLM_F_REQUEST | flags),
        }).Add(body);

    /// <summary>A structure without a header of its own.</summary>
    public NetlinkRequest Add<T>(T value) where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        MemoryMarshal.Write(Take(size), in value);
        return Pad(size);
    }

    /// <summary>An attribute of bytes.</summary>
    public NetlinkRequest Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        Head(type, value.Length);
        value.CopyTo(Take(value.Length));
        return Pad(value.Length);
    }

    /// <summary>An attribute that is a number or a structure.</summary>
    public NetlinkRequest Value<T>(ushort type, T value) where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        Head(type, size);
        MemoryMarshal.Write(Take(size), in value);
        return Pad(size);
    }

    /// <summary>Begins an attribute of attributes.</summary>
    public NetlinkRequest Begin(ushort type)
    {
        _open.Push(_bytes.WrittenCount);
        Head(type, 0);
        return this;
    }

    /// <summary>Ends the one that was begun last.</summary>
    public NetlinkRequest End()
    {
        var start = _open.Pop();
        var length = (ushort)(_bytes.WrittenCount - start);
        var bytes = MemoryMarshal.AsMemory(_bytes.WrittenMemory).Span;
        MemoryMarshal.Write(bytes[start..], in length);
        return this;
    }

    /// <summary>Sends it in the calling thread's network namespace, and waits until it is done.</summary>
    /// <exception cref="LinuxException">The kernel refused it.</exception>
    public void Send()
    {
        using var socket = NetlinkSocket.Open(NetlinkFamily.Route);
        Await(socket.Request(_bytes.WrittenSpan.ToArray(), new byte[8192]), what);
    }

    /// <summary>Sends several of netfilter that are done together or not at all, and waits until they are.</summary>
    /// <exception cref="LinuxException">The kernel refused one.</exception>
    public static void SendAll(string what, params ReadOnlySpan<NetlinkRequest> parts)
    {
        var all = new ArrayBufferWriter<byte>(1024);
        foreach (var part in parts)
        {
            var bytes = part._bytes.WrittenSpan.ToArray();
            MemoryMarshal.AsRef<nlmsghdr>(bytes.AsSpan()).nlmsg_len = (uint)bytes.Length;
            all.Write(bytes);
        }
        using var socket = NetlinkSocket.Open(NetlinkFamily.Netfilter);
        Await(socket.Batch(all.WrittenSpan.ToArray(), new byte[8192]), what);
    }

    private static void Await(NetlinkReader reader, string what)
    {
        while (reader.MoveNext(out _))
        {
        }
        if (reader.Status != NetlinkStatus.Done)
            throw new LinuxException(what, reader.Error);
    }

    private void Head(ushort type, int length) =>
        Add(new nlattr { nla_len = (ushort)(Unsafe.SizeOf<nlattr>() + length), nla_type = type });

    private NetlinkRequest Pad(int length)
    {
        Take(-length & 3);
        return this;
    }

    private Span<byte> Take(int size)
    {
        var span = _bytes.GetSpan(size + 1)[..size];
        span.Clear();
        _bytes.Advance(size);
        return span;
    }
}
