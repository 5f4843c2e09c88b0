using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Block;

/// <summary>
/// How long requests to block devices took, by device, operation and pod, as histograms that the kernel side keeps; the
/// slow ones as events with who asked. biolatency.bpf.c
/// </summary>
internal sealed class BioLatency : BpfProbe
{
    internal static readonly Metric Duration = NanosecondHistogram.Metric("netlens.biolatency.duration",
        "How long requests took from when they were made until they were done (block_rq_complete).");

    private static readonly Metric DeviceTime = Metric.Counter("netlens.biolatency.device.time", Units.Seconds,
        "Of it, from when the device got them (block_rq_issue), summed; the rest they waited in queues.", scale: 1e-9);

    private static readonly Metric Bytes =
        Metric.Counter("netlens.biolatency.size", Units.Bytes, "Bytes of requests that were done.");

    private static readonly Metric DeviceDuration = new()
    {
        Name = "netlens.biolatency.device.duration",
        Unit = Units.Seconds,
        Kind = InstrumentKind.Histogram,
        Description = "How long requests took in the device (block_rq_issue to block_rq_complete).",
        Bounds = NanosecondHistogram.Bounds,
        Scale = 1e-9,
        Optional = true,
    };

    private static readonly TableInfo Table = new("biolatency", RowScope.Namespace,
        [new("system.device"), new("netlens.block.operation")], [Duration, DeviceTime, Bytes, DeviceDuration]);

    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(10), "Requests that take longer make events.", most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second, device, operation and pod that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<bool> PodsOption = Option.Switch("pods", standard: true,
        "Tell the requests of each pod apart; else all are the node's.");

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds the distribution of the time in the device.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "biolatency",
        Description = "How long requests to block devices take, by device, operation and pod; events for slow ones.",
        Source = "tracepoints block:block_io_start or block_rq_insert, block_rq_issue, block_rq_complete",
        Watches = true,
        Tables = [Table],
        Events = [SlowRequest.Info],
        Options = [SlowOption, BurstOption, PodsOption, IncludeAll],
    };

    private static readonly Hook[] Hooks =
    [
        new("block_rq_complete", RequestAt("block_rq_complete", 0, "complete_btf"),
            RequestAt("block_rq_complete", 0, "complete_raw")),
        new("when the device gets it", RequestAt("block_rq_issue", 0, "issue_btf"),
            RequestAt("block_rq_issue", 1, "issue_queue_btf"), RequestAt("block_rq_issue", 0, "issue_raw"),
            RequestAt("block_rq_issue", 1, "issue_queue_raw")),
        new("who asks", RequestAt("block_io_start", 0, "start_btf"), RequestAt("block_rq_insert", 0, "insert_btf"),
            RequestAt("block_rq_insert", 1, "insert_queue_btf"), RequestAt("block_io_start", 0, "start_raw"),
            RequestAt("block_rq_insert", 0, "insert_raw"), RequestAt("block_rq_insert", 1, "insert_queue_raw"))
        {
            Optional = true,
        },
    ];

    private readonly TableInfo _rows;
    private readonly Dictionary<BioLatencyKey, Entry> _byKey = [];
    private ProbeSettings _settings;
    private BpfMapReader<BioLatencyKey, BioLatencyValue> _reader = null!;
    private BpfMap _map = null!;
    private VouchedNamespaces _vouched = null!;
    private PodNumbers? _pods;
    private long _since;

    public BioLatency(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks)
    {
        _settings = settings;
        _rows = settings.Get(IncludeAll) ? Table.Whole : Table;
        Decoder = new EventDecoder<BioLatencyEvent>(host, SlowRequest.Kind);
    }

    private static Way RequestAt(string tracepoint, int argument, string program) =>
        new(program) { Assumes = [(tracepoint, argument, "request*")] };

    protected override void Prepare(BpfObject loaded)
    {
        _pods?.Dispose();
        _pods = null;
        _since = KernelClock.UnixNow();
        _map = loaded.Map("biolatency");
        _reader = new(_map);
        _vouched = new(loaded.Map("vouched"), Host.Namespaces);
        _byKey.Clear();
        var root = CgroupHierarchies.Version1(Host.Paths, "blkio") ?? CgroupHierarchies.Unified(Host.Paths);
        if (_settings.Get(PodsOption) && root is not null)
            _pods = new PodNumbers(Host, new CgroupFolder(root), loaded.Map("pods"));
        Apply(loaded, _settings);
    }

    public override bool Reconfigure(ProbeSettings settings)
    {
        if (settings.Get(PodsOption) != _settings.Get(PodsOption)
            || settings.Get(IncludeAll) != _settings.Get(IncludeAll))
        {
            return false;
        }
        Apply(Object, settings);
        return true;
    }

    private void Apply(BpfObject loaded, ProbeSettings settings)
    {
        loaded.Map("settings").Update(0u, new BioLatencySettings
        {
            Slow = (ulong)settings.Get(SlowOption).TotalNanoseconds,
            Burst = (uint)settings.Get(BurstOption),
        });
        _settings = settings;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _vouched.Refresh();
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
            Take(_reader.Keys[i], _reader.Value(i), snapshot);
    }

    private void Take(in BioLatencyKey key, in BioLatencyValue value, SnapshotBuilder snapshot)
    {
        var subject = key.Pod == 0 ? Host.Namespaces.Host.Namespace : _pods?.Find(key.Pod);
        if (!_byKey.TryGetValue(key, out var entry))
            _byKey.Add(key, entry = new Entry());
        if (subject is not null)
        {
            if (entry.Row?.Subject != subject || entry.Disk != value.Disk)
                Begin(entry, key, value, subject, snapshot);
            Write(snapshot.Append(entry.Row!), value);
            if (value.Limiter.Held > entry.Held)
                Host.Events.HeldBack(SlowRequest.KeyOf(key, value), value.Limiter.Held - entry.Held);
            entry.Held = value.Limiter.Held;
        }
        if (_pods?.IsOver(key.Pod) != true)
            return;
        _map.Delete(key);
        _byKey.Remove(key);
    }

    private void Begin(
        Entry entry, in BioLatencyKey key, in BioLatencyValue value, Subject subject, SnapshotBuilder snapshot)
    {
        var since = Math.Max(_since, subject.StartTime);
        // The number has got another disk, whose figures begin.
        if (entry.Row is not null && entry.Disk != value.Disk)
            (since, entry.Held) = (snapshot.StartTimeOfNew(Host.BootTime), 0);
        entry.Disk = value.Disk;
        entry.Row = new Row(_rows, subject, since, value.Name.ToString(), BlockOperation.Name(key.Operation));
    }

    private static void Write(in RowWriter row, in BioLatencyValue value)
    {
        value.Total.Write(row, Duration);
        row.Set(DeviceTime, value.Device.Sum);
        row.Set(Bytes, value.Bytes);
        value.Device.Write(row, DeviceDuration);
    }

    protected override void Dispose(bool disposing)
    {
        _pods?.Dispose();
        _pods = null;
        base.Dispose(disposing);
    }

    private sealed class Entry
    {
        public Row? Row { get; set; }

        public ulong Disk { get; set; }

        public long Held { get; set; }
    }
}
