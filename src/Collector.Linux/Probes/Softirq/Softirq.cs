using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Softirq;

/// <summary>
/// How long softirqs waited and ran, per vector and on request per CPU, as histograms that the kernel side keeps; the
/// slow ones as events that say who was in the way. softirq.bpf.c
/// </summary>
internal sealed class Softirq : BpfProbe
{
    private const byte Wait = SoftirqDelay.Wait;
    private const byte Run = SoftirqDelay.Run;
    private const long LegacySlow = SoftirqDelay.LegacySlow;
    private const int NetRx = 3;
    private const long Unknown = long.MaxValue;

    private static readonly TagKey Vector = new("netlens.softirq.vector");
    private static readonly TagKey CpuNumber = new("cpu.logical_number");

    private static readonly Times Sum = new();
    private static readonly Times One = new();
    private static readonly TableInfo SumTable = new("softirq", RowScope.Node, [Vector], Sum.Metrics);
    private static readonly TableInfo CpuTable = new("softirq.cpu", RowScope.Node, [Vector, CpuNumber], One.Metrics);

    internal static Metric Ran => Sum.Of(Run);

    internal static Metric RanAtCpu => One.Of(Run);

    private static readonly Metric WaitSlow = Over("wait.over_10ms", "Softirqs that waited over 10 ms to run.");
    private static readonly Metric WaitSlower = Over("wait.over_100ms", "Softirqs that waited over 100 ms to run.");
    private static readonly Metric RunSlow = Over("run.over_10ms", "Softirqs that ran over 10 ms.");
    private static readonly Metric RunSlower = Over("run.over_100ms", "Softirqs that ran over 100 ms.");

    private static readonly TableInfo LegacyTable =
        new("softirq.slow", RowScope.Node, [Vector], [WaitSlow, WaitSlower, RunSlow, RunSlower]);

    private static readonly Metric WaitSlots = LegacySlots.Metric("netlens.softirq.wait.slots",
        "Receive softirqs by how long they waited; le is floor(log2(us)).");

    private static readonly Metric RunSlots = LegacySlots.Metric("netlens.softirq.run.slots",
        "Receive softirqs by how long they ran; le is floor(log2(us)).");

    private static readonly TableInfo SlotTable =
        new("softirq.slots", RowScope.Node, [LegacySlots.Tag], [WaitSlots, RunSlots]);

    private static readonly ProbeOption<IReadOnlyList<string>> VectorsOption =
        Option.List("vectors", string.Join(',', SoftirqDelay.Names), "Softirqs to measure.", SoftirqDelay.Names);

    private static readonly ProbeOption<bool> PerCpuOption = Option.Switch("perCpu", standard: false,
        "A series for each CPU (cpu.logical_number) instead of one for all.");

    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(10), "Longer waits and runs make events.", most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 5, "Events per second, softirq and CPU that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<bool> SwitchesOption = Option.Switch("switches", standard: true,
        "Watch who has the CPU before ksoftirqd gets it, while softirqs wait for long: at every switch of threads.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "softirq",
        Description = "How long softirqs waited and ran, and events for the slow ones.",
        Source = "tracepoints irq:softirq_raise, softirq_entry, softirq_exit (kernel/softirq.c)",
        Watches = true,
        Tables = [SumTable, CpuTable, LegacyTable, SlotTable],
        Events = [SoftirqDelay.Slow],
        Options = [VectorsOption, PerCpuOption, SlowOption, BurstOption, SwitchesOption],
    };

    private static readonly Hook[] Hooks =
    [
        new("softirq", new Way("softirq_raise", "softirq_entry", "softirq_exit")),
        new("who has the CPU before ksoftirqd",
            new Way("sched_switch_btf")
            {
                Assumes = [("sched_switch", 1, "task_struct*"), ("sched_switch", 2, "task_struct*")],
            },
            new Way("sched_switch_state_btf")
            {
                Assumes = [("sched_switch", 2, "task_struct*"), ("sched_switch", 3, "task_struct*")],
            },
            new Way("sched_switch_raw")
            {
                Assumes = [("sched_switch", 1, "task_struct*"), ("sched_switch", 2, "task_struct*")],
            })
        {
            Optional = true,
        },
    ];

    private readonly SoftirqRows _rows = new(SumTable, CpuTable, LegacyTable);
    private readonly SoftirqTimes[] _sums = new SoftirqTimes[SoftirqVectors.Count * 2];
    private readonly long[] _held = new long[SoftirqVectors.Count * 2];
    private ProbeSettings _settings;
    private KsoftirqdThreads _threads = KsoftirqdThreads.None;
    private BpfMap? _map;
    private byte[] _entry = [];
    private Row[] _slots = [];
    private BpfProgram? _switches;
    private long _longWaits = Unknown;
    private ulong _longWaited;
    private int _longSlot;
    private uint _vectors;
    private volatile bool _perCpu;

    public Softirq(ProbeHost host, ProbeSettings settings)
        : base(Info, host, AsksWho(settings) ? Hooks : Hooks[..1])
    {
        _settings = settings;
        Decoder = new EventDecoder<SoftirqEvent>(host, SoftirqDelay.Kind(thread => _threads.Has(thread), MeasureOf));
    }

    /// <summary>Nanoseconds without a long wait until switches are not watched any more. Settable for tests.</summary>
    internal ulong Patience { get; set; } = 300_000_000_000;

    /// <summary>Whether the program that looks at every switch of threads is attached now.</summary>
    internal bool WatchesSwitches => _switches is { Attached: true };

    // Only events tell who had the CPU.
    private static bool AsksWho(ProbeSettings settings) =>
        settings.Get(SwitchesOption) && settings.Get(BurstOption) > 0;

    // Powers of two hold no 10 ms: the kernel side counts these beside the histograms, for older exporters' names.
    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.softirq.{name}", Units.Events, description);

    protected override void Configure(BpfObject opened) => opened.Map("ksoftirqd").Resize(BpfLibrary.PossibleCpus);

    protected override void Prepare(BpfObject loaded)
    {
        var since = KernelClock.UnixNow();
        _rows.Since = since;
        _slots = LegacySlots.Rows(SlotTable, since);
        _map = loaded.Map("softirq");
        _entry = new byte[_map.EntrySize];
        _held.AsSpan().Clear();
        _threads = AsksWho(_settings) ? KsoftirqdThreads.Find(Host.Paths) : KsoftirqdThreads.None;
        foreach (var (cpu, thread) in _threads.ByCpu)
        {
            if (cpu < loaded.Map("ksoftirqd").MaxEntries)
                loaded.Map("ksoftirqd").Update(cpu, thread);
        }
        Apply(loaded, _settings);
    }

    public override void Start()
    {
        base.Start();
        _switches = Object.Programs.FirstOrDefault(
            static p => p.Attached && p.Name.StartsWith("sched_switch", StringComparison.Ordinal));
        _switches?.Detach();
    }

    public override bool Reconfigure(ProbeSettings settings)
    {
        if (AsksWho(settings) != AsksWho(_settings))
            return false;
        Apply(Object, settings);
        return true;
    }

    private void Apply(BpfObject loaded, ProbeSettings settings)
    {
        var vectors = 0u;
        foreach (var name in settings.Get(VectorsOption))
            vectors |= 1u << Array.IndexOf(SoftirqDelay.Names, name);
        var slow = (long)settings.Get(SlowOption).TotalNanoseconds;
        loaded.Map("settings").Update(0u, new SoftirqSettings
        {
            // What was begun before is not measured: its vector may not have been watched.
            Since = KernelClock.Monotonic(),
            Slow = (ulong)slow,
            Least = (ulong)Math.Min(slow, LegacySlow),
            Vectors = vectors,
            Burst = (uint)settings.Get(BurstOption),
            FirstKsoftirqd = _threads.First,
            LastKsoftirqd = _threads.Last,
        });
        _settings = settings;
        _longWaits = Unknown;
        _longSlot = SlotOf(Math.Min(slow, LegacySlow));
        _vectors = vectors;
        _perCpu = settings.Get(PerCpuOption);
    }

    // What has counted one, on the thread that describes events.
    private EventMeasure MeasureOf(in SoftirqEvent e)
    {
        TagValue vector = SoftirqDelay.Names[e.Vector];
        return _perCpu ? new(One.Of(e.Phase), vector, (long)e.Cpu) : new(Sum.Of(e.Phase), vector);
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        var map = _map!;
        map.TryLookup(0u, _entry);
        _sums.AsSpan().Clear();
        for (var cpu = 0; cpu < BpfLibrary.PossibleCpus; cpu++)
            Add(snapshot, cpu, MemoryMarshal.AsRef<SoftirqCpu>(_entry.AsSpan(cpu * map.Stride, map.ValueSize)));
        for (var vector = 0; vector < SoftirqVectors.Count; vector++)
        {
            ref readonly var wait = ref _sums[(vector * 2) + Wait];
            ref readonly var run = ref _sums[(vector * 2) + Run];
            Held(vector, Wait, wait.Limiter.Held);
            Held(vector, Run, run.Limiter.Held);
            if (!IsOn(vector))
                continue;
            if (!_perCpu)
                Sum.Write(snapshot.Append(_rows.Of(vector)), wait, run);
            var legacy = snapshot.Append(_rows.LegacyOf(vector));
            legacy.Set(WaitSlow, wait.Slow);
            legacy.Set(WaitSlower, wait.Slower);
            legacy.Set(RunSlow, run.Slow);
            legacy.Set(RunSlower, run.Slower);
        }
        if (IsOn(NetRx))
            WriteSlots(snapshot, _sums[(NetRx * 2) + Wait].Histogram, _sums[(NetRx * 2) + Run].Histogram);
        WatchSwitches(LongWaits());
    }

    // The slot that a duration is in.
    private static int SlotOf(long nanoseconds)
    {
        var slot = 0;
        while (slot < NanosecondHistogram.SlotCount - 1 && nanoseconds > 1L << (NanosecondHistogram.FirstBit + slot))
            slot++;
        return slot;
    }

    // Those in the slot of the threshold and above: some of them are a little shorter than it.
    private long LongWaits()
    {
        var sum = 0L;
        for (var vector = 0; vector < SoftirqVectors.Count; vector++)
        {
            ref readonly var waits = ref _sums[(vector * 2) + Wait].Histogram;
            for (var slot = _longSlot; slot < NanosecondHistogram.SlotCount; slot++)
                sum += waits.Slots[slot];
        }
        return sum;
    }

    // Switches of threads are a third of what the programs would run for, and nobody asks where no softirq waits.
    private void WatchSwitches(long longWaits)
    {
        if (_switches is not { } program)
            return;
        var now = KernelClock.Monotonic();
        if (longWaits > _longWaits)
        {
            _longWaited = now;
            if (!program.Attached && !program.TryAttach(out var reason))
            {
                Host.Bpf.Note(Info.Id, $"who has the CPU before ksoftirqd is not known: {reason}");
                _switches = null;
            }
        }
        else if (program.Attached && now - _longWaited > Patience)
        {
            program.Detach();
        }
        _longWaits = longWaits;
    }

    private void Add(SnapshotBuilder snapshot, int cpu, in SoftirqCpu element)
    {
        for (var vector = 0; vector < SoftirqVectors.Count; vector++)
        {
            ref readonly var its = ref element.Vectors[vector];
            if (!its.Counted)
                continue;
            _sums[(vector * 2) + Wait].Add(its.Wait);
            _sums[(vector * 2) + Run].Add(its.Run);
            if (_perCpu && IsOn(vector))
                One.Write(snapshot.Append(_rows.Of(vector, cpu)), its.Wait, its.Run);
        }
    }

    private bool IsOn(int vector) => (_vectors & (1u << vector)) != 0;

    private void WriteSlots(SnapshotBuilder snapshot, in NanosecondHistogram wait, in NanosecondHistogram run)
    {
        for (var le = 0; le < _slots.Length; le++)
        {
            var row = snapshot.Append(_slots[le]);
            row.Set(WaitSlots, LegacySlots.Value(wait, le));
            row.Set(RunSlots, LegacySlots.Value(run, le));
        }
    }

    private void Held(int vector, byte phase, long held)
    {
        ref var before = ref _held[(vector * 2) + phase];
        if (held > before)
            Host.Events.HeldBack(new(SoftirqDelay.Slow, 0, SoftirqDelay.ReasonOf(vector, phase)), held - before);
        before = held;
    }

    /// <summary>The two histograms; of all CPUs or of one, under the same names.</summary>
    private sealed class Times
    {
        private readonly Metric _wait = NanosecondHistogram.Metric("netlens.softirq.wait.duration",
            "How long softirqs waited from being raised to running (softirq_raise to softirq_entry).");

        private readonly Metric _run = NanosecondHistogram.Metric("netlens.softirq.run.duration",
            "How long softirqs ran (softirq_entry to softirq_exit).");

        public IReadOnlyList<Metric> Metrics => [_wait, _run];

        public Metric Of(byte phase) => phase == Wait ? _wait : _run;

        public void Write(in RowWriter row, in SoftirqTimes wait, in SoftirqTimes run)
        {
            wait.Histogram.Write(row, _wait);
            run.Histogram.Write(row, _run);
        }
    }
}
