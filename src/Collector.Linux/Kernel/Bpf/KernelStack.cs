using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Collector.Linux.Kernel.Bpf;

[InlineArray(Depth)]
internal struct StackAddresses
{
    public const int Depth = 20;
    private ulong _first;
}

/// <summary>The kernel's stack, the last of a record: <c>struct stack</c> of ebpf-programs/include/event.h.</summary>
[BpfStruct("stack")]
[StructLayout(LayoutKind.Sequential)]
internal struct KernelStack
{
    /// <summary>Bytes of the addresses; negative where the kernel could not walk it.</summary>
    public int Size;
    public StackAddresses Addresses;

    /// <summary>Bytes of a record that ends in a stack whose addresses are missing: none were asked for.</summary>
    public static int LeastBytes<T>() where T : unmanaged =>
        Unsafe.SizeOf<T>() - Unsafe.SizeOf<StackAddresses>();

    // How a program came to be called: itself, then what the kernel calls programs with (kernel/trace/bpf_trace.c,
    // the macros in include/trace, arch_prepare_bpf_trampoline).
    private static readonly string[] Tracers = ["bpf_", "__bpf_", "__traceiter_", "trace_call_bpf", "perf_trace_"];

    /// <summary>
    /// Its functions, innermost first, beginning with the address from where it is among them; without those that the
    /// tracing itself put there.
    /// </summary>
    public readonly string[] Describe(KernelSymbols symbols, ulong from = 0)
    {
        var depth = Math.Clamp(Size / sizeof(ulong), 0, StackAddresses.Depth);
        if (depth == 0)
            return [];
        var addresses = ((ReadOnlySpan<ulong>)Addresses)[..depth];
        addresses = addresses[Math.Max(0, addresses.IndexOf(from))..];
        var names = new string[addresses.Length];
        for (var i = 0; i < names.Length; i++)
            names[i] = symbols.Describe(addresses[i]);
        var first = Array.FindIndex(names, n => !IsTracer(n));
        return first > 0 ? names[first..] : names;
    }

    private static bool IsTracer(string name) =>
        Array.Exists(Tracers, t => name.StartsWith(t, StringComparison.Ordinal));
}
