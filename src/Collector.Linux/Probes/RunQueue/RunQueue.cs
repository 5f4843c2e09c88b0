using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.RunQueue;

/// <summary>
/// How long threads waited for a processor, per pod, and behind whom: what tells a noisy neighbour from a quota.
/// runqueue.bpf.c
/// </summary>
internal sealed class RunQueue : BpfProbe
{
    private static readonly Metric Delay = NanosecondHistogram.Metric("netlens.runqueue.delay",
        "How long threads that could run waited for a processor (sched_info, sched_switch).");

    // By enum holder.
    private static readonly Metric[] Behind =
        [.. new[] { "idle", "own", "pod", "node" }.Select(holder => Metric.Counter(
            "netlens.runqueue.behind.time", Units.Seconds,
            "Of waits above 50 us, by who had the processor last: own threads, those of another pod, those of no pod, "
                + "or nobody (idle).",
            [new("netlens.runqueue.holder", holder)], scale: 1e-9))];

    internal static Metric BehindOwn => Behind[1];

    internal static Metric BehindPod => Behind[2];

    private static readonly TableInfo Table = new("runqueue", RowScope.Namespace, [], [Delay, .. Behind]);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "runqueue",
        Description = "How long threads waited for a processor, by pod, and behind whom.",
        Source = "tracepoint sched:sched_switch, struct sched_info (kernel/sched/stats.h)",
        EnabledByDefault = false,
        Watches = true,
        Tables = [Table],
    };

    private static readonly Hook[] Hooks =
    [
        new("sched_switch", SwitchAt(1, "sched_switch_btf"), SwitchAt(2, "sched_switch_state_btf"),
            SwitchAt(1, "sched_switch_raw")),
    ];

    private readonly Dictionary<ulong, Row> _byPod = [];
    private readonly RunQueueValue[] _sum = new RunQueueValue[1];
    private BpfMapReader<ulong, RunQueueValue> _reader = null!;
    private BpfMap _map = null!;
    private PodNumbers? _pods;
    private long _since;

    public RunQueue(ProbeHost host) : base(Info, host, Hooks)
    {
    }

    private static Way SwitchAt(int previous, string program) => new(program)
    {
        Assumes =
            [("sched_switch", previous, "task_struct*"), ("sched_switch", previous + 1, "task_struct*")],
    };

    protected override void Prepare(BpfObject loaded)
    {
        _pods?.Dispose();
        _pods = null;
        _since = KernelClock.UnixNow();
        _map = loaded.Map("runqueue");
        _reader = new(_map);
        _byPod.Clear();
        if (CgroupHierarchies.Cpu(Host.Paths) is { } root)
            _pods = new PodNumbers(Host, new CgroupFolder(root), loaded.Map("pods"));
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _pods?.Refresh(snapshot);
        try
        {
            _reader.Read();
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return;
        }
        for (var i = 0; i < _reader.Count; i++)
        {
            PerCpu.Sum(_reader.Entry(i), MemoryMarshal.Cast<RunQueueValue, long>(_sum.AsSpan()));
            Take(_reader.Keys[i], _sum[0], snapshot);
        }
    }

    private void Take(ulong pod, in RunQueueValue value, SnapshotBuilder snapshot)
    {
        var subject = pod == 0 ? Host.Namespaces.Host.Namespace : _pods?.Find(pod);
        if (subject is not null)
            Write(snapshot.Append(RowOf(pod, subject)), value);
        if (_pods?.IsOver(pod) != true)
            return;
        _map.Delete(pod);
        _byPod.Remove(pod);
    }

    private Row RowOf(ulong pod, Subject subject)
    {
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPod, pod, out _);
        if (row?.Subject != subject)
            row = new Row(Table, subject, Math.Max(_since, subject.StartTime));
        return row!;
    }

    private static void Write(in RowWriter row, in RunQueueValue value)
    {
        value.Delay.Write(row, Delay);
        for (var holder = 0; holder < Behind.Length; holder++)
            row.Set(Behind[holder], value.Behind[holder]);
    }

    protected override void Dispose(bool disposing)
    {
        _pods?.Dispose();
        _pods = null;
        base.Dispose(disposing);
    }
}
