using System.Globalization;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>What this kernel offers programs, found once and shared by all probes.</summary>
internal sealed class BpfEnvironment : IDisposable
{
    private const string Confidential =
        "kernel lockdown is confidentiality: programs may not read the kernel's memory";

    private readonly KernelPaths _paths;
    private readonly string _btfFolder;
    private BtfSearch? _search;
    private Btf? _btf;

    /// <param name="paths">Where /proc and /sys are.</param>
    /// <param name="btfFolder">The configured folder of BTF files; empty for none.</param>
    public BpfEnvironment(KernelPaths paths, string btfFolder)
    {
        _paths = paths;
        _btfFolder = btfFolder;
        Symbols = new KernelSymbols(paths);
    }

    public BtfSearch Search => _search ??= BtfSearch.Run(_paths, _btfFolder, out _btf);

    /// <summary>
    /// The running kernel's types, parsed once for all probes; null when there are none. For the collection thread.
    /// </summary>
    public Btf? Btf => Search.Path is { } path ? _btf ??= Btf.TryParse(path, out _) : null;

    /// <summary>
    /// The enumerators by value of an enum that a loaded module defines; null where none does. For any thread: parses
    /// everything anew.
    /// </summary>
    public Dictionary<int, string>? ModuleEnum(string module, string name)
    {
        if (!Search.FromKernel)
            return null;
        using var kernel = Btf.TryParse(Search.Path!, out _);
        using var its = kernel?.TryParseModule($"{_paths.Sys}/kernel/btf/{module}");
        return its?.Enum(name, "");
    }

    /// <summary>
    /// Gives the memory of types (some 7 MB) back, and that of symbols that nobody needed since the last call, until
    /// somebody asks again.
    /// </summary>
    /// <returns>True when symbols went, which were on the heap.</returns>
    public bool Release()
    {
        Dispose();
        return Symbols.Release();
    }

    /// <summary>The file to give to libbpf; null when it finds the kernel's own itself.</summary>
    public string? CustomBtf => Search.FromKernel ? null : Search.Path;

    /// <summary>
    /// Programs can read memory by instructions, faults and all (bpf_rdonly_cast, Linux 6.2), instead of by a call.
    /// </summary>
    public bool ReadsDirectly => Search.FromKernel && Btf?.Has(BtfKind.BTF_KIND_FUNC, "bpf_rdonly_cast") == true;

    public KernelSymbols Symbols { get; init; }

    /// <summary>The folder of the root cgroup; null where it is not in sight.</summary>
    public string? RootCgroup => CgroupHierarchies.Root(_paths);

    /// <summary>Why a way cannot work, as far as types tell; null when they do not object.</summary>
    public string? Refusal(Way way)
    {
        foreach (var (tracepoint, argument, type) in way.Assumes)
        {
            if (Btf?.TracepointArguments(tracepoint) is not { } arguments)
                return $"no BTF says what tracepoint {tracepoint} gives";
            if (argument >= arguments.Count)
                return $"tracepoint {tracepoint} has {arguments.Count} arguments here";
            if (arguments[argument] != type)
                return $"argument {argument + 1} of tracepoint {tracepoint} is {arguments[argument]}, not {type}";
        }
        return null;
    }

    /// <summary>Why a program of this section cannot attach, as far as can be known beforehand; else null.</summary>
    public string? Refusal(string section)
    {
        var slash = section.IndexOf('/', StringComparison.Ordinal);
        var kind = slash < 0 ? section : section[..slash];
        var target = section[(slash + 1)..];
        return kind switch
        {
            "tp_btf" when !Search.FromKernel => $"the kernel has no {_paths.Sys}/kernel/btf/vmlinux",
            "tp_btf" when Btf!.TracepointArguments(target) is null => $"the kernel has no tracepoint {target}",
            "fentry" or "fexit" when !Search.FromKernel => $"the kernel has no {_paths.Sys}/kernel/btf/vmlinux",
            "fentry" or "fexit" when Btf!.Has(BtfKind.BTF_KIND_FUNC, target) => null,
            "fentry" or "fexit" when !Symbols.Has(target) =>
                $"the kernel has no function {target}, or its module is not loaded",
            "kprobe" or "kretprobe" when !Directory.Exists($"{_paths.Sys}/bus/event_source/devices/kprobe") =>
                "the kernel was built without kprobes (CONFIG_KPROBES)",
            "kprobe" or "kretprobe" when !Symbols.Has(target) =>
                $"the kernel has no function {target}, or its module is not loaded",
            "cgroup_skb" when RootCgroup is null => "the root of the cgroups of version 2 is not in sight",
            _ => null,
        };
    }

    /// <summary>Adds to a refusal what this machine is known to lack.</summary>
    public string Explain(string reason)
    {
        if (Search.Path is null && reason.Contains("BTF", StringComparison.OrdinalIgnoreCase))
            return Search.Failure;
        // Then the verifier has no such function.
        if (reason.Contains("bpf_probe_read", StringComparison.Ordinal) && Lockdown() is "confidentiality")
            return Confidential;
        // Before Linux 5.11 modules have none.
        const string Unknown = "failed to find kernel BTF type ID of '";
        var unknown = reason.IndexOf(Unknown, StringComparison.Ordinal);
        if (unknown >= 0)
        {
            var function = reason[(unknown + Unknown.Length)..].Split('\'')[0];
            return $"no BTF describes function {function}: its module has none";
        }
        var denied = reason.Contains("EPERM", StringComparison.Ordinal)
            || reason.Contains("ermitted", StringComparison.Ordinal)
            || reason.Contains("-1)", StringComparison.Ordinal);
        if (!denied)
            return reason;
        if (Lockdown() is { } lockdown)
            return $"{reason}; kernel lockdown is {lockdown}";
        if (HasCapabilities() && reason.StartsWith("map ", StringComparison.Ordinal) && LockedMemory() is { } limit)
        {
            return $"{reason}; the capabilities are held: before Linux 5.11 it also takes a higher limit of " +
                $"locked memory ({limit} bytes here), or CAP_SYS_RESOURCE to raise it";
        }
        // What libbpf guesses then ("make sure your kernel supports BPF") is not the reason.
        return HasCapabilities()
            ? $"{reason}; the capabilities are held, so the kernel itself forbids it (lockdown)"
            : "not permitted: needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)";
    }

    /// <summary>The same of a program that reads the kernel's memory, which lockdown can forbid.</summary>
    public string ExplainRead(string reason) =>
        Lockdown() is "confidentiality" ? Confidential : Explain(reason);

    // CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39 (include/uapi/linux/capability.h)
    private bool HasCapabilities()
    {
        const ulong Both = (1UL << 38) | (1UL << 39);
        try
        {
            var line = File.ReadLines($"{_paths.Proc}/self/status")
                .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
            return ulong.TryParse(
                line.AsSpan(7), NumberStyles.HexNumber | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture,
                out var held) && ((held & Both) == Both || (held & (1UL << 21)) != 0);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            return false;
        }
    }

    // "Max locked memory         65536                65536                bytes": null for unlimited.
    private string? LockedMemory()
    {
        try
        {
            var line = File.ReadLines($"{_paths.Proc}/self/limits")
                .FirstOrDefault(l => l.StartsWith("Max locked memory", StringComparison.Ordinal)) ?? "";
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words.Length > 3 && words[3] != "unlimited" ? words[3] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The kernel's lockdown mode; null when none or unknown.</summary>
    public string? Lockdown()
    {
        try
        {
            // "none [integrity] confidentiality"
            var text = File.ReadAllText($"{_paths.Sys}/kernel/security/lockdown");
            var from = text.IndexOf('[', StringComparison.Ordinal) + 1;
            var mode = text[from..text.IndexOf(']', StringComparison.Ordinal)];
            return mode == "none" ? null : mode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _btf?.Dispose();
        _btf = null;
    }
}
