using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Node;

/// <summary>
/// What the agent's own eBPF programs cost and what they lost, from their maps and from the kernel's figures about
/// them. Collected after the probes that it tells about.
/// </summary>
internal sealed class Ebpf(ProbeHost host) : Probe(Info)
{
    private static readonly TagKey ProbeKey = new("netlens.probe");

    private static readonly Metric Memory = Metric.UpDownCounter("netlens.ebpf.memory", Units.Bytes,
        "Kernel memory of the maps and event buffers of a probe's programs, and of the passes'.");

    private static readonly Metric Lost = Metric.Counter("netlens.ebpf.lost", Units.Events,
        "Occurrences lost in or behind the kernel: no room for the event, no room for the count's own entry, a "
            + "packet's time that a newer one's took the place of, a record that made no sense, too many events at "
            + "once to be described.");

    private static readonly Metric Runs = Metric.Counter("netlens.ebpf.program.runs", "{run}",
        "Runs of the program while the kernel counted them: a second in a minute, and all the time with "
            + "kernel.bpf_stats_enabled.");

    private static readonly Metric RunTime = Metric.Counter("netlens.ebpf.program.time", Units.Seconds,
        "Processor time of those runs, one clock reading in each: by their number, what one run takes.", scale: 1e-9);

    private static readonly Metric Utilization = Metric.Gauge("netlens.ebpf.program.cpu.utilization", Units.One,
        "Part of one processor that the program took in the last second that the kernel measured it.", scale: 1e-9);

    internal static readonly Metric ProbeUtilization = Metric.Gauge("netlens.ebpf.cpu.utilization", Units.One,
        "The sum of its programs: part of one processor in the last measured second, which is between collections.",
        scale: 1e-9);

    private static readonly Metric Missed = Metric.Counter("netlens.ebpf.program.missed", "{run}",
        "Runs left out by the kernel because the program was interrupted by itself (since Linux 5.12).");

    private static readonly TableInfo MemoryTable = new("ebpf", RowScope.Node, [ProbeKey], [Memory, ProbeUtilization]);

    private static readonly TableInfo LostTable = new("ebpf.lost", RowScope.Node,
        [ProbeKey, new("error.type")], [Lost]);

    private static readonly TableInfo ProgramTable = new("ebpf.programs", RowScope.Node,
        [ProbeKey, new("netlens.ebpf.program"), new("netlens.ebpf.attach_point")],
        [Runs, RunTime, Utilization, Missed]);

    private readonly Dictionary<BpfProgramSet, Watched> _watched = [];

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "ebpf",
        Description = "Netlens' own eBPF programs: memory, lost records, and what they cost.",
        Source = "the programs' maps, bpf(BPF_OBJ_GET_INFO_BY_FD), /proc/self/fdinfo",
        Watches = true,
        Tables = [MemoryTable, LostTable, ProgramTable],
        Events = [SwitchedOff.Info],
    };

    public override void Collect(SnapshotBuilder snapshot)
    {
        var loaded = host.Bpf.Loaded;
        for (var i = 0; i < loaded.Count; i++)
        {
            if (!_watched.TryGetValue(loaded[i], out var watched))
                _watched.Add(loaded[i], watched = new Watched(loaded[i], snapshot.Time));
            watched.Write(snapshot);
        }
        if (_watched.Count > loaded.Count)
            DropUnloaded(loaded);
    }

    private void DropUnloaded(IReadOnlyList<BpfProgramSet> loaded)
    {
        foreach (var set in _watched.Keys)
        {
            if (!loaded.Contains(set))
                _watched.Remove(set);
        }
    }

    private sealed class Watched
    {
        // enum loss of ebpf-programs/include/maps.h, then what the user side counts
        private static readonly string[] Reasons =
            ["event_buffer_full", "map_full", "overwritten", "undecoded", "queue_full"];

        private const int MapFull = 1;
        private const int Overwritten = 2;
        private const int Undecoded = 3;

        private readonly BpfProgramSet _set;
        private readonly Row _memory;
        private readonly (int Reason, Row Row)[] _lost;
        private readonly (BpfProgram Program, Row Row)[] _programs;
        private readonly long _bytes;
        private readonly BpfMap? _losses;
        private readonly byte[] _entry;
        private readonly long[] _sum = new long[1];

        public Watched(BpfProgramSet set, long since)
        {
            _set = set;
            _memory = new Row(MemoryTable, null, since, set.Probe);
            _lost = set.Losses is null ? [] :
            [
                .. Enumerable.Range(0, Reasons.Length).Where(reason => reason != Overwritten || NotesPackets(set))
                    .Select(reason => (reason, new Row(LostTable, null, since, set.Probe, Reasons[reason]))),
            ];
            _programs =
            [
                .. set.Object.Programs.Where(p => p.Fd >= 0)
                    .Select(p => (p, new Row(ProgramTable, null, since, set.Probe, p.Name, PlaceOf(p)))),
            ];
            _bytes = set.Object.Maps.Sum(m => m.Borrowed ? 0 : m.Memory());
            _losses = set.Object.Maps.FirstOrDefault(m => m.Name == "losses");
            _entry = new byte[_losses?.EntrySize ?? 0];
        }

        // By ebpf-programs/include/sample.h.
        private static bool NotesPackets(BpfProgramSet set) => set.Object.Maps.Any(m => m.Name == "samples");

        // What is attached nowhere is run by the agent itself.
        private static string PlaceOf(BpfProgram program) => program.WasAttached ? program.AttachPoint : "run";

        public void Write(SnapshotBuilder snapshot)
        {
            var memory = snapshot.Append(_memory);
            memory.Set(Memory, _bytes);
            memory.Set(ProbeUtilization, _set.Utilization is >= 0 and var share ? share : Metric.Absent);
            foreach (var (reason, row) in _lost)
                snapshot.Append(row).Set(Lost, LostFor(reason));
            foreach (var (program, identity) in _programs)
                Write(snapshot, program, identity);
        }

        private long LostFor(int reason)
        {
            if (reason >= Undecoded)
                return reason == Undecoded ? _set.Losses!.Undecoded : _set.Losses!.CrowdedOut;
            if (_losses is null || !_losses.TryLookup((uint)reason, _entry))
                return Metric.Absent;
            PerCpu.Sum(_entry, _sum);
            return reason == MapFull ? _sum[0] + _set.Losses!.PushedOut : _sum[0];
        }

        private static void Write(SnapshotBuilder snapshot, BpfProgram program, Row identity)
        {
            if (!program.TryRead(out var info))
            {
                snapshot.ReadFailed("program_info");
                return;
            }
            var row = snapshot.Append(identity);
            row.Set(Runs, info.run_cnt == 0 ? Metric.Absent : (long)info.run_cnt);
            row.Set(RunTime, info.run_cnt == 0 ? Metric.Absent : (long)info.run_time_ns);
            row.Set(Utilization, program.Utilization < 0 ? Metric.Absent : program.Utilization);
            row.Set(Missed, (long)info.recursion_misses);
        }
    }
}
