using System.Reflection;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>A compiled object as it was built into this assembly, for this machine's architecture.</summary>
internal sealed class BpfImage
{
    private readonly byte[] _elf;
    private readonly Dictionary<string, string> _sections;

    private BpfImage(string name, byte[] elf, bool perf)
    {
        Name = name;
        _elf = elf;
        UsesPerfBuffers = perf;
        _sections = ReadSections();
    }

    /// <summary>Name of its C file without the ending: the probe's id.</summary>
    public string Name { get; }

    /// <summary>Compiled for perf buffers: kernels before 5.8.</summary>
    public bool UsesPerfBuffers { get; }

    /// <summary>Reads it from this assembly's resources.</summary>
    /// <param name="name">Probe id.</param>
    /// <param name="perf">The variant with perf buffers.</param>
    /// <exception cref="BpfLoadException">This build has no eBPF programs, or not for this architecture.</exception>
    public static BpfImage Find(string name, bool perf) => Find(Assembly.GetExecutingAssembly(), name, perf);

    /// <summary>Reads the variant that reads the kernel's memory by instructions (walk.h).</summary>
    /// <exception cref="BpfLoadException">There is none of it.</exception>
    public static BpfImage FindDirect(string name) => Find(Assembly.GetExecutingAssembly(), name, ".direct", false);

    /// <summary>Reads it from an assembly's resources.</summary>
    public static BpfImage Find(Assembly assembly, string name, bool perf) =>
        Find(assembly, name, perf ? ".perf" : "", perf);

    private static BpfImage Find(Assembly assembly, string name, string variant, bool perf)
    {
        var architecture = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "x86",
            Architecture.Arm64 => "arm64",
            var other => other.ToString().ToLowerInvariant(),
        };
        var resource = $"bpf/{architecture}/{name}{variant}.bpf.o";
        using var stream = assembly.GetManifestResourceStream(resource)
            ?? throw new BpfLoadException($"this build has no eBPF object {resource}");
        var elf = new byte[stream.Length];
        stream.ReadExactly(elf);
        return new BpfImage(name, elf, perf);
    }

    /// <summary>Where the C source says that a program goes: <c>tp_btf/kfree_skb</c>.</summary>
    public string SectionOf(string program) => _sections.TryGetValue(program, out var section)
        ? section
        : throw new ArgumentException($"{Name}.bpf.c has no program {program}", nameof(program));

    /// <summary>Opens it without loading anything into the kernel.</summary>
    /// <exception cref="BpfLoadException">libbpf does not take it.</exception>
    public unsafe BpfObject Open(BpfEnvironment environment)
    {
        var name = Marshal.StringToCoTaskMemUTF8(Name);
        var btf = environment.CustomBtf is { } path ? Marshal.StringToCoTaskMemUTF8(path) : 0;
        try
        {
            var options = new Libbpf.bpf_object_open_opts
            {
                sz = (nuint)sizeof(Libbpf.bpf_object_open_opts),
                object_name = (byte*)name,
                btf_custom_path = (byte*)btf,
            };
            var handle = BpfLibrary.Listen(() => OpenMemory(options), out var said);
            if (handle == 0)
                throw new BpfLoadException($"{Name}: {BpfObject.Summary(said, "libbpf cannot open it")}");
            return new BpfObject(Name, new SafeBpfObject(handle));
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
            Marshal.FreeCoTaskMem(btf);
        }
    }

    private unsafe nint OpenMemory(Libbpf.bpf_object_open_opts options)
    {
        fixed (byte* elf = _elf)
            return Libbpf.bpf_object__open_mem(elf, (nuint)_elf.Length, &options);
    }

    private unsafe Dictionary<string, string> ReadSections()
    {
        using var handle = new SafeBpfObject(BpfLibrary.Listen(
            () => OpenMemory(new() { sz = (nuint)sizeof(Libbpf.bpf_object_open_opts) }), out var said));
        if (handle.IsInvalid)
            throw new BpfLoadException($"{Name}: {BpfObject.Summary(said, "libbpf cannot open it")}");
        var sections = new Dictionary<string, string>();
        for (var p = Libbpf.bpf_object__next_program(handle.Value, 0); p != 0;
            p = Libbpf.bpf_object__next_program(handle.Value, p))
        {
            sections.Add(
                BpfLibrary.Text(Libbpf.bpf_program__name(p)), BpfLibrary.Text(Libbpf.bpf_program__section_name(p)));
        }
        return sections;
    }
}
