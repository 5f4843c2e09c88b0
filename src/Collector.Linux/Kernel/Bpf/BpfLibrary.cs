using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>libbpf itself: whether it is there, and what it says while it works.</summary>
internal static unsafe class BpfLibrary
{
    [ThreadStatic]
    private static List<string>? _said;

    /// <summary>Gets each warning and remark of libbpf, from any thread: verifier logs can be long.</summary>
    public static Action<string>? Log { get; set; }

    /// <summary>Why libbpf cannot be used; null when it can.</summary>
    public static string? Missing { get; } = Load();

    /// <summary>Its version, "v1.1"; empty when it is missing.</summary>
    public static string Version => Missing is null ? Text(Libbpf.libbpf_version_string()) : "";

    /// <summary>CPUs that per-CPU maps have a value for.</summary>
    public static int PossibleCpus { get; } = Missing is null ? Math.Max(1, Libbpf.libbpf_num_possible_cpus()) : 1;

    /// <summary>False before Linux 5.8.</summary>
    public static bool HasRingBuffers { get; } =
        Missing is null && Libbpf.libbpf_probe_bpf_map_type(Libbpf.BPF_MAP_TYPE_RINGBUF, 0) > 0;

    /// <summary>Runs something and gives what libbpf said meanwhile on this thread, one message each.</summary>
    public static T Listen<T>(Func<T> action, out List<string> said)
    {
        _said = said = [];
        try
        {
            return action();
        }
        finally
        {
            _said = null;
        }
    }

    public static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    private static string? Load()
    {
        if (!OperatingSystem.IsLinux())
            return "eBPF needs Linux";
        if (!BitConverter.IsLittleEndian || !Environment.Is64BitProcess)
            return "eBPF programs are built for 64-bit little-endian machines";
        if (!NativeLibrary.TryLoad("libbpf.so.1", typeof(BpfLibrary).Assembly, null, out _))
            return "libbpf.so.1 is not installed: package libbpf1 (Debian, Ubuntu) or libbpf 1.0 or later (RPM)";
        Libbpf.libbpf_set_print(&OnPrint);
        return null;
    }

    [UnmanagedCallersOnly]
    private static int OnPrint(int level, byte* format, nint arguments)
    {
        // LIBBPF_WARN 0, INFO 1, DEBUG 2.
        if (level > 1 || (_said is null && Log is null))
            return 0;
        // The first call counts and uses the arguments up: the second works on a copy (24 bytes on x86-64, 32 on
        // arm64).
        var copy = stackalloc byte[32];
        Buffer.MemoryCopy((void*)arguments, copy, 32, 32);
        var length = Libc.vsnprintf(null, 0, format, arguments);
        if (length <= 0)
            return length;
        var text = new byte[length + 1];
        fixed (byte* buffer = text)
            length = Math.Min(length, Libc.vsnprintf(buffer, (nuint)text.Length, format, (nint)copy));
        var message = Encoding.UTF8.GetString(text, 0, length).TrimEnd();
        _said?.Add(message);
        Log?.Invoke(message);
        return length;
    }
}
