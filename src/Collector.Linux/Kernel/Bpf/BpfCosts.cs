using System.Diagnostics;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// What the programs cost, measured by the kernel itself (BPF_ENABLE_STATS, Linux 5.8) in windows of a second, one in a
/// minute: a run takes two readings of the clock more meanwhile, which are subtracted. Belongs to the collection
/// thread.
/// </summary>
public sealed class BpfCosts : IDisposable
{
    private const int RunsOfEmpty = 100;

    private readonly BpfHost _host;
    private SafeFd? _statistics;
    private long _began;
    private long? _ended;

    internal BpfCosts(BpfHost host) => _host = host;

    /// <summary>Time from the end of a window to the next one. Settable for tests.</summary>
    public TimeSpan Every { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a window is. Settable for tests.</summary>
    public TimeSpan Length { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Windows that ended.</summary>
    public long Windows { get; private set; }

    /// <summary>Why nothing is measured; empty while it is, and before it was tried.</summary>
    public string Hindrance { get; private set; } = "";

    /// <summary>
    /// Nanoseconds of processor time per second that a probe's programs took in the last window; negative: not
    /// measured.
    /// </summary>
    public long Of(string probe)
    {
        var loaded = _host.Loaded;
        for (var i = 0; i < loaded.Count; i++)
        {
            if (loaded[i].Probe == probe)
                return loaded[i].Utilization;
        }
        return -1;
    }

    /// <summary>Begins a window where one is due.</summary>
    public bool TryBegin()
    {
        if (_host.Loaded.Count == 0 || (_ended is { } ended && Stopwatch.GetElapsedTime(ended) < Every))
            return false;
        if (!TryEnable())
        {
            _ended = Stopwatch.GetTimestamp();
            return false;
        }
        _began = Stopwatch.GetTimestamp();
        var loaded = _host.Loaded;
        for (var i = 0; i < loaded.Count; i++)
            loaded[i].Measure();
        return true;
    }

    /// <summary>Ends it.</summary>
    /// <param name="whole">False: it was cut off, and tells nothing.</param>
    public void End(bool whole)
    {
        var window = Stopwatch.GetElapsedTime(_began);
        if (whole)
        {
            var measuring = EmptyRun();
            var loaded = _host.Loaded;
            for (var i = 0; i < loaded.Count; i++)
                loaded[i].EndMeasure(window, measuring);
            Windows++;
            _ended = Stopwatch.GetTimestamp();
        }
        Dispose();
    }

    /// <summary>Ends what is being measured.</summary>
    public void Dispose()
    {
        _statistics?.Dispose();
        _statistics = null;
    }

    // What is measured of a program that returns at once; 0 where there can be none. The least of some means: an
    // interrupt is in few of them. One of a kind that gets no packet: the kernel would count its end as a drop.
    private static unsafe double EmptyRun()
    {
        var code = stackalloc ulong[] { 0xb7, 0x95 }; // r0 = 0; exit
        var fd = Libbpf.bpf_prog_load(Libbpf.BPF_PROG_TYPE_RAW_TRACEPOINT, "netlens_empty", "GPL", code, 2, 0);
        if (fd < 0)
            return 0;
        using var program = new SafeFd(fd);
        var least = double.PositiveInfinity;
        var before = default(bpf_prog_info);
        for (var i = 0; i < 5; i++)
        {
            if (!TryRun(program, RunsOfEmpty) || !BpfProgram.TryRead(program.Value, out var after)
                || after.run_cnt == before.run_cnt)
                return 0;
            least = Math.Min(
                least, (after.run_time_ns - before.run_time_ns) / (double)(after.run_cnt - before.run_cnt));
            before = after;
        }
        return least;
    }

    private static unsafe bool TryRun(SafeFd program, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var options = new Libbpf.bpf_test_run_opts { sz = (nuint)sizeof(Libbpf.bpf_test_run_opts) };
            if (Libbpf.bpf_prog_test_run_opts(program.Value, &options) != 0)
                return false;
        }
        return true;
    }

    // Only the setting is left before 5.8, and to who may load programs and not administrate the machine.
    private bool TryEnable()
    {
        Hindrance = "";
        var fd = Libbpf.bpf_enable_stats(Libbpf.BPF_STATS_RUN_TIME);
        if (fd >= 0)
        {
            _statistics = new SafeFd(fd);
            return true;
        }
        var errno = SafeFd.LastErrno;
        if (IsSet())
            return true;
        Hindrance = $"the kernel does not measure programs for this process ({BpfObject.Reason(errno.Number)}): it "
            + "takes Linux 5.8 and CAP_SYS_ADMIN, or kernel.bpf_stats_enabled";
        return false;
    }

    private bool IsSet()
    {
        try
        {
            return File.ReadAllText($"{_host.Paths.Proc}/sys/kernel/bpf_stats_enabled").Trim() == "1";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
