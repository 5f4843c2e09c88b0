using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// An object in the kernel: its programs and maps. Nothing is pinned: closing it, or the end of the process, detaches
/// and frees everything.
/// </summary>
internal sealed partial class BpfObject : IDisposable
{
    private readonly SafeBpfObject _handle;
    private readonly List<BpfProgram> _programs = [];
    private readonly List<BpfMap> _maps = [];

    public BpfObject(string name, SafeBpfObject handle)
    {
        Name = name;
        _handle = handle;
        for (var p = Libbpf.bpf_object__next_program(handle.Value, 0); p != 0;
            p = Libbpf.bpf_object__next_program(handle.Value, p))
        {
            _programs.Add(new BpfProgram(p));
        }
        for (var m = Libbpf.bpf_object__next_map(handle.Value, 0); m != 0;
            m = Libbpf.bpf_object__next_map(handle.Value, m))
        {
            _maps.Add(new BpfMap(m));
        }
    }

    public string Name { get; }

    /// <summary>Called once when it is closed.</summary>
    public Action? Closed { private get; set; }

    public IReadOnlyList<BpfProgram> Programs => _programs;

    public IReadOnlyList<BpfMap> Maps => _maps;

    public BpfProgram Program(string name) => _programs.First(p => p.Name == name);

    public BpfMap Map(string name) => _maps.FirstOrDefault(m => m.Name == name)
        ?? throw new ArgumentException($"{Name}.bpf.c has no map {name}", nameof(name));

    /// <summary>Creates the maps and gives the chosen programs to the verifier.</summary>
    /// <param name="culprit">The program that was refused; empty when it was something else.</param>
    /// <param name="reason">Why.</param>
    public bool TryLoad(out string culprit, out string reason)
    {
        culprit = reason = "";
        var result = BpfLibrary.Listen(() => Libbpf.bpf_object__load(_handle.Value), out var said);
        if (result == 0)
            return true;
        // "prog 'NAME': failed to load: -22", "prog 'NAME': failed to find kernel BTF type ID of 'x': -3"
        culprit = said.Where(IsReason).Select(s => ProgramFailure().Match(s)).LastOrDefault(m => m.Success)
            ?.Groups["program"].Value ?? "";
        reason = Summary(said, Reason(-result));
        return false;
    }

    /// <summary>The error that libbpf named, and the end of the verifier's log where there is one.</summary>
    public static string Summary(IReadOnlyList<string> said, string otherwise)
    {
        const string End = "-- END PROG LOAD LOG --";
        var log = said.FirstOrDefault(s => s.Contains(End, StringComparison.Ordinal));
        var first = said.FirstOrDefault(s => !s.Contains(End, StringComparison.Ordinal) && IsReason(s)) ?? otherwise;
        first = first.Replace("libbpf: ", "", StringComparison.Ordinal);
        if (log is null)
            return first;
        var lines = log[..log.IndexOf(End, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Trim())
            .Where(l => l.Length > 0 && !VerifierStatistics().IsMatch(l))
            .ToArray();
        var tail = string.Join(" | ", lines[Math.Max(0, lines.Length - 3)..]);
        return $"{first} (verifier: {tail})";
    }

    // That the object has no lines of source (ebpf.targets) is told of each program.
    private static bool IsReason(string said) => !said.Contains(".BTF.ext", StringComparison.Ordinal);

    /// <summary>An error number in words.</summary>
    public static string Reason(int errno) =>
        $"{Marshal.GetPInvokeErrorMessage(errno).ToLowerInvariant()} ({new Errno(errno)})";

    [GeneratedRegex(@"prog '(?<program>[^']+)': (?!--)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ProgramFailure();

    [GeneratedRegex(
        @"^(libbpf: |processed \d+ insns|verification time|stack depth|prog '|mark_precise)",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex VerifierStatistics();

    /// <summary>Ends its programs' part in what happens; its maps stay.</summary>
    public void Detach()
    {
        foreach (var program in _programs)
            program.Dispose();
    }

    public void Dispose()
    {
        Detach();
        _handle.Dispose();
        Closed?.Invoke();
        Closed = null;
    }
}

/// <summary>A program of an object and its attachment.</summary>
internal sealed class BpfProgram(nint handle) : IDisposable
{
    private SafeBpfLink? _link;
    private string? _function;
    private (ulong Time, ulong Runs) _measuredFrom;

    public string Name { get; } = Text(handle, section: false);

    /// <summary>How and where it attaches: <c>fentry/tcp_reset</c>.</summary>
    public string Section { get; } = Text(handle, section: true);

    /// <summary>Its section says where it attaches.</summary>
    public bool IsPlaced => Section.Contains('/');

    /// <summary>It runs for the sockets of a cgroup, beside the programs of others.</summary>
    public bool IsOfCgroup => Section.StartsWith("cgroup", StringComparison.Ordinal);

    /// <summary>The folder of that cgroup.</summary>
    public string? Cgroup { private get; set; }

    public bool Attached => _link is not null;

    /// <summary>It is attached now or was before; what never was is run by the agent.</summary>
    public bool WasAttached { get; private set; }

    /// <summary>Where it is attached in fact: the section, or the function chosen instead of the section's.</summary>
    public string AttachPoint => _function is null ? Section : $"{Section.Split('/')[0]}/{_function}";

    /// <summary>Its descriptor; negative before it is loaded.</summary>
    public int Fd => Libbpf.bpf_program__fd(handle);

    /// <summary>The descriptor of its attachment; negative before it is attached.</summary>
    public int LinkFd => _link?.Fd ?? -1;

    public bool Autoload
    {
        set
        {
            if (Libbpf.bpf_program__set_autoload(handle, (byte)(value ? 1 : 0)) is var error and < 0)
                throw new LinuxException($"program {Name}", -error);
        }
    }

    /// <summary>Attaches to another function than the section says.</summary>
    public void Retarget(string function)
    {
        _function = function;
        if (!Section.StartsWith('k'))
            Libbpf.bpf_program__set_attach_target(handle, 0, function);
    }

    public bool TryAttach(out string reason)
    {
        reason = "";
        // Open until the error has been read: to close it would be another call.
        using var cgroup = IsOfCgroup ? OpenCgroup(out reason) : null;
        if (reason.Length > 0)
            return false;
        var link = new SafeBpfLink(BpfLibrary.Listen(() => Attach(cgroup), out var said));
        if (link.IsInvalid)
        {
            var errno = SafeFd.LastErrno;
            reason = errno == ENOENT ? "the kernel has no such place to attach to"
                : errno == EINVAL && Section.StartsWith("raw_tp", StringComparison.Ordinal)
                    ? "the tracepoint has fewer arguments"
                : errno == EPERM && IsOfCgroup
                    ? "it takes CAP_NET_ADMIN, and no program of another that wants the root cgroup for itself"
                : BpfObject.Summary(said, BpfObject.Reason(errno.Number));
            link.Dispose();
            return false;
        }
        _link = link;
        WasAttached = true;
        return true;
    }

    /// <summary>Runs a raw tracepoint program once without attaching it (since Linux 5.10).</summary>
    /// <param name="arguments">What it gets as its tracepoint's arguments.</param>
    /// <param name="result">What it returned.</param>
    /// <param name="cpu">On another processor; negative: here, as the calling thread.</param>
    public unsafe Errno Run(ReadOnlySpan<ulong> arguments, out int result, int cpu = -1)
    {
        fixed (ulong* context = arguments)
        {
            var options = new Libbpf.bpf_test_run_opts
            {
                sz = (nuint)sizeof(Libbpf.bpf_test_run_opts),
                ctx_in = context,
                ctx_size_in = (uint)(arguments.Length * sizeof(ulong)),
                flags = cpu < 0 ? 0 : Libbpf.BPF_F_TEST_RUN_ON_CPU,
                cpu = (uint)Math.Max(cpu, 0),
            };
            var error = Libbpf.bpf_prog_test_run_opts(Fd, &options);
            result = (int)options.retval;
            return new Errno(-error);
        }
    }

    /// <summary>
    /// Nanoseconds of processor time per second in the last measured window (<see cref="BpfCosts"/>); negative: not
    /// measured.
    /// </summary>
    public long Utilization { get; private set; } = -1;

    /// <summary>The kernel's figures about it; what an older kernel does not fill is 0.</summary>
    public bool TryRead(out bpf_prog_info info) => TryRead(Fd, out info);

    /// <summary>The same of any program.</summary>
    public static unsafe bool TryRead(int fd, out bpf_prog_info info)
    {
        bpf_prog_info read;
        var size = (uint)sizeof(bpf_prog_info);
        NativeMemory.Clear(&read, size);
        var done = Libbpf.bpf_obj_get_info_by_fd(fd, &read, &size) == 0;
        info = read;
        return done;
    }

    /// <summary>Begins a measured window.</summary>
    public void Measure() =>
        _measuredFrom = TryRead(out var info) ? (info.run_time_ns, info.run_cnt) : (ulong.MaxValue, 0);

    /// <summary>Ends it.</summary>
    /// <param name="window">How long it was.</param>
    /// <param name="measuring">Nanoseconds of each run that are the measurement itself.</param>
    public void EndMeasure(TimeSpan window, double measuring)
    {
        Utilization = -1;
        if (!TryRead(out var info) || info.run_time_ns < _measuredFrom.Time)
            return;
        var time = info.run_time_ns - _measuredFrom.Time - (measuring * (info.run_cnt - _measuredFrom.Runs));
        Utilization = (long)(Math.Max(time, 0) / window.TotalSeconds);
    }

    private nint Attach(SafeFd? cgroup) => cgroup is not null
        ? Libbpf.bpf_program__attach_cgroup(handle, cgroup.Value)
        : Section.StartsWith('k') && _function is { } function
        ? Libbpf.bpf_program__attach_kprobe(
            handle, (byte)(Section.StartsWith("kretprobe", StringComparison.Ordinal) ? 1 : 0), function)
        : Libbpf.bpf_program__attach(handle);

    private SafeFd? OpenCgroup(out string reason)
    {
        reason = "";
        try
        {
            return SafeFd.Open(Cgroup ?? "", O_DIRECTORY);
        }
        catch (LinuxException e)
        {
            reason = e.Message;
            return null;
        }
    }

    private static unsafe string Text(nint handle, bool section) => BpfLibrary.Text(
        section ? Libbpf.bpf_program__section_name(handle) : Libbpf.bpf_program__name(handle));

    /// <summary>Ends its part in what happens; it can be attached again.</summary>
    public void Detach()
    {
        _link?.Dispose();
        _link = null;
        Utilization = -1;
    }

    public void Dispose() => Detach();
}
