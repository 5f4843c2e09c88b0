using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Tcp;

// Mirrors of ebpf-programs/include/tcp.h.

[BpfStruct("tcp_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpSettings
{
    public uint Burst;
    public uint Stack;
}

/// <summary>What segments are counted by.</summary>
[BpfStruct("tcp_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TcpKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Reason;
    public readonly byte Kind;
    public readonly byte State;
    public readonly byte Family;

}

[BpfStruct("tcp_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpValue
{
    public long Segments;
    public Limiter Limiter;
}

[InlineArray(Depth)]
internal struct TcpStack
{
    public const int Depth = 20;
    private ulong _first;
}

[BpfStruct("tcp_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpEvent
{
    public EventHead Head;
    public Flow Flow;
    public uint Reason;
    public uint Kind;
    public uint Segments;

    /// <summary>Bytes of the stack; negative where the kernel could not walk it.</summary>
    public int StackSize;
    public TcpStack Stack;

    /// <summary>Takes a record: it ends before the stack where none was asked for, and may be padded.</summary>
    public static TcpEvent Read(ReadOnlySpan<byte> record)
    {
        var e = default(TcpEvent);
        var bytes = MemoryMarshal.AsBytes(new Span<TcpEvent>(ref e));
        record[..Math.Min(record.Length, bytes.Length)].CopyTo(bytes);
        return e;
    }

    /// <summary>The stack's functions, innermost first.</summary>
    public readonly string[] Describe(KernelSymbols symbols)
    {
        ReadOnlySpan<ulong> all = Stack;
        var depth = Math.Clamp(StackSize / sizeof(ulong), 0, TcpStack.Depth);
        var names = new string[depth];
        for (var i = 0; i < depth; i++)
            names[i] = symbols.Describe(all[i]);
        return names;
    }
}
