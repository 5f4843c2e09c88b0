using System.Globalization;
using Collector.Linux.Interop;
using Collector.Tests.Support;
using static Tmds.Linux.LibC;

namespace Ebpf.Tests.Probes;

/// <summary>
/// What no probe can see on some machines: the kernel of a sandbox may keep the sandbox's own process out of all
/// tracing. While a processor runs process 1, and whatever interrupts it then, such a kernel runs no eBPF program but
/// those of process 1 (its type information has bpf_prog_aux.init_owned). The kernel's counters count on. perf, which
/// needs no program, tells how often a tracepoint was passed in that process.
/// </summary>
internal sealed unsafe class Unseen : IDisposable
{
    private const string Types = "/sys/kernel/btf/vmlinux";
    private const int Attempts = 5;
    private const uint PERF_TYPE_TRACEPOINT = 2;

    private static readonly Lazy<bool> IsHidden = new(() =>
        File.Exists(Types) && File.ReadAllBytes(Types).AsSpan().IndexOf("\0init_owned\0"u8) >= 0);

    private readonly List<SafeFd> _counters = [];

    private Unseen(string[] tracepoints)
    {
        foreach (var thread in Directory.GetDirectories("/proc/1/task").Select(Path.GetFileName))
        {
            foreach (var tracepoint in tracepoints)
                Open(int.Parse(thread!, CultureInfo.InvariantCulture), NumberOf(tracepoint));
        }
    }

    private void Open(int thread, ulong tracepoint)
    {
        var attributes = new perf_event_attr
        {
            type = PERF_TYPE_TRACEPOINT,
            size = (uint)sizeof(perf_event_attr),
            config = tracepoint,
        };
        var fd = Libc.perf_event_open(&attributes, thread, -1, -1, perf_event_attr.PERF_FLAG_FD_CLOEXEC);
        // The thread may have ended.
        if (fd >= 0)
            _counters.Add(new SafeFd(fd));
    }

    private long Hits => _counters.Sum(c =>
    {
        long hits;
        return read(c.Value, &hits, sizeof(long)) == sizeof(long) ? hits : 0;
    });

    // Where tracefs is not mounted it is, for this program alone.
    private static ulong NumberOf(string tracepoint) => ulong.Parse(
        Shell.Run("unshare", "-m", "sh", "-c",
            "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; cat \"/sys/kernel/tracing/events/$1/id\"", "sh",
            tracepoint),
        CultureInfo.InvariantCulture);

    /// <summary>
    /// A test; once more where it fails and one of the tracepoints was passed meanwhile where no program sees it.
    /// </summary>
    /// <param name="test">Makes all that it needs anew.</param>
    /// <param name="tracepoints">As folders of tracefs: <c>tcp/tcp_retransmit_skb</c>.</param>
    public static void Again(Action test, params string[] tracepoints)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var unseen = new Unseen(IsHidden.Value ? tracepoints : []);
            try
            {
                test();
                return;
            }
            catch (Exception) when (attempt < Attempts && unseen.Hits > 0)
            {
                // What it did not see is in the next attempt's namespaces no more.
            }
        }
    }

    public void Dispose() => _counters.ForEach(c => c.Dispose());
}
