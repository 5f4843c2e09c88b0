using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Flows;

/// <summary>
/// Tells the program in which prefixes pods of this node are, so that it keeps their whole addresses; and what a peer
/// is called. Belongs to the collection thread.
/// </summary>
/// <remarks>A prefix stays told: what a connection counts as must not change more often than it has to.</remarks>
internal sealed class FlowPeers(ProbeHost host, BpfMap map, int bits4, int bits6)
{
    private readonly HashSet<FlowPrefix> _told = [];
    private readonly HashSet<FlowPrefix> _new = [];
    private long _version = -1;

    /// <summary>Changes whenever a pod may have come or gone.</summary>
    public long Version => _version;

    /// <summary>What counts by its whole address from now on was read.</summary>
    public void Settle() => _new.Clear();

    /// <summary>Tells of the pods that came.</summary>
    public void Refresh()
    {
        var table = host.Pods.Table;
        if (table.Version == _version)
            return;
        _version = table.Version;
        foreach (var pod in table.All)
        {
            if (pod.HostNetwork)
                continue;
            foreach (var address in pod.Addresses)
                Tell(Prefix(address, bits4, bits6));
        }
    }

    /// <summary>Connections to this peer may have counted as its prefix's until now.</summary>
    public bool IsNew(in FlowKey key) => _new.Count > 0 && key.IsWhole
        && _new.Contains(Masked(AddressOf(key.Prefix), key.Family, bits4, bits6));

    /// <summary>The pod of this node that the peer is, as namespace/name; empty where it is none.</summary>
    public string PodOf(in FlowKey key)
    {
        if (!key.IsWhole || !host.Namer.KnowsPods)
            return "";
        return host.Namer.PodAt(IPAddressOf(key.Prefix)) ?? "";
    }

    /// <summary>The address of the pod whose a namespace is; empty where it is no pod's.</summary>
    public string AddressOf(Subject subject, byte family)
    {
        if (host.Pods.Table.OfNetns(subject.Inode, (uint)subject.Cookie) is not { } pod)
            return "";
        var wanted = family == 4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        return pod.Addresses.FirstOrDefault(a => a.AddressFamily == wanted)?.ToString() ?? "";
    }

    /// <summary>Its address, or the prefix that it is in.</summary>
    public static string TextOf(in FlowKey key)
    {
        Span<char> text = stackalloc char[49];
        IPAddressOf(key.Prefix).TryFormat(text, out var length);
        if (!key.IsWhole)
        {
            _ = text[length..].TryWrite($"/{key.Bits}", out var more);
            length += more;
        }
        return NamePool.Of(text[..length]);
    }

    /// <summary>What an address has in common with others.</summary>
    public static FlowPrefix Prefix(IPAddress address, int bits4, int bits6)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out var length);
        return Masked(BinaryPrimitives.ReadUInt128BigEndian(bytes), length == 4 ? 4u : 6u, bits4, bits6);
    }

    private static FlowPrefix Masked(UInt128 address, uint family, int bits4, int bits6)
    {
        Span<byte> bytes = stackalloc byte[16];
        var bits = family == 4 ? bits4 : bits6;
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address & ~(bits == 128 ? 0 : UInt128.MaxValue >> bits));
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        return new(words[0], words[1], family);
    }

    private static UInt128 AddressOf(in FlowPrefix prefix)
    {
        ReadOnlySpan<ulong> words = [prefix.Address, prefix.AddressRest];
        return BinaryPrimitives.ReadUInt128BigEndian(MemoryMarshal.AsBytes(words));
    }

    private static IPAddress IPAddressOf(in FlowPrefix prefix)
    {
        ReadOnlySpan<ulong> words = [prefix.Address, prefix.AddressRest];
        var bytes = MemoryMarshal.AsBytes(words);
        return new IPAddress(prefix.Family == 4 ? bytes[..4] : bytes);
    }

    // Where the map is full, they count by prefix as those elsewhere do.
    private void Tell(FlowPrefix prefix)
    {
        if (_told.Contains(prefix))
            return;
        try
        {
            map.Update(prefix, (byte)1);
            _told.Add(prefix);
            _new.Add(prefix);
        }
        catch (LinuxException)
        {
            return;
        }
    }
}
