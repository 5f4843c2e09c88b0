using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Softirq;

/// <summary>Backlog of the CPUs, from /proc/net/softnet_stat: packets taken, dropped, and polls cut short.</summary>
/// <remarks>
/// The file is the same in every namespace, so it is read once for the node. Its counters are 32 bits wide; each CPU's
/// is followed on its own, and a CPU that goes offline keeps its part of the sum, so that the sum never falls.
/// </remarks>
internal sealed class Softnet : Probe
{
    private const uint MostCpus = 8192; // NR_CPUS of the largest kernels

    private static readonly Columns Sum = new("netlens.softnet.", "of all CPUs");
    private static readonly Columns One = new("netlens.softnet.cpu.", "of one CPU");

    internal static Metric Processed => Sum.Processed;

    internal static Metric Dropped => Sum.Dropped;

    internal static Metric DroppedAtCpu => One.Dropped;

    internal static Metric Squeezed => Sum.Squeezed;

    internal static Metric FlowLimited => Sum.FlowLimit;

    private static readonly TableInfo SumTable = new("softnet", RowScope.Node, [], Sum.All);

    private static readonly TableInfo CpuTable =
        new("softnet.cpu", RowScope.Node, [new TagKey("cpu.logical_number")], One.All);

    private readonly ProbeHost _host;
    private readonly bool _perCpu;
    private readonly Row _row;
    private readonly List<SoftnetCpu> _cpus = [];
    private readonly List<uint> _online = [];
    private ProcFile? _file;
    private ProcFile? _onlineFile;

    public Softnet(ProbeHost host, ProbeSettings settings) : base(Info)
    {
        _host = host;
        _perCpu = settings.Get(PerCpu);
        _row = new Row(SumTable, null, host.BootTime);
    }

    private static readonly ProbeOption<bool> PerCpu = Option.Switch("perCpu", standard: false,
        "Adds a row for each CPU, told apart by cpu.logical_number.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "softnet",
        Description = "Packets taken from and dropped at the CPUs' backlogs, and polls cut short.",
        Source = "/proc/net/softnet_stat (net/core/net-procfs.c)",
        Tables = [SumTable, CpuTable],
        Options = [PerCpu],
    };

    public override void Start()
    {
        try
        {
            _file ??= _host.Namespaces.Host.OpenFile("net/softnet_stat");
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException(e.Message, e);
        }
        try
        {
            _onlineFile ??= ProcFile.Open($"{_host.Paths.Sys}/devices/system/cpu/online");
        }
        catch (LinuxException)
        {
            // Only needed before 5.10, whose lines do not say their CPU; then lines are counted instead.
            _onlineFile = null;
        }
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        // The list of CPUs comes first: it shares the buffer.
        ReadOnline();
        if (!_host.Buffer.TryRead(_file!, out var content, out var errno))
        {
            snapshot.ReadFailed(errno.ToString());
            return;
        }
        if (!TryUpdate(content, snapshot.Tick))
        {
            snapshot.ReadFailed("malformed");
            return;
        }
        Append(snapshot);
    }

    /// <summary>Takes over all lines, or none: a sum without one CPU would be a lower sum.</summary>
    private bool TryUpdate(ReadOnlySpan<byte> content, long tick)
    {
        if (content.IsEmpty || content[^1] != (byte)'\n' || !Check(content, out var count, out var numbered))
            return false;
        // Without CPU numbers in the lines a count that fits nothing known would mix up CPUs.
        if (!numbered && count != (_online.Count > 0 ? _online.Count : _cpus.Count > 0 ? _cpus.Count : count))
            return false;
        var lines = new LineReader(content);
        for (var i = 0; lines.TryNext(out var line); i++)
        {
            if (!SoftnetStat.TryParse(line, out var stat))
                return false;
            CpuAt(stat.Cpu ?? CpuOfLine(i)).Update(stat, tick);
        }
        return true;
    }

    private static bool Check(ReadOnlySpan<byte> content, out int count, out bool numbered)
    {
        count = 0;
        numbered = false;
        long last = -1;
        var columns = 0;
        var lines = new LineReader(content);
        while (lines.TryNext(out var line))
        {
            if (!SoftnetStat.TryParse(line, out var stat) || (count > 0 && stat.Columns != columns)
                || stat.Cpu >= MostCpus
                || stat.Cpu <= last)
                return false;
            last = stat.Cpu ?? last;
            columns = stat.Columns;
            numbered = stat.Cpu is not null;
            count++;
        }
        return count is > 0 and <= (int)MostCpus;
    }

    /// <summary>The CPU of a line that does not say it: the n-th that is online.</summary>
    private uint CpuOfLine(int line) => _online.Count > 0 ? _online[line] : (uint)line;

    private void ReadOnline()
    {
        if (_onlineFile is null || _cpus is [{ SaysNumber: true }, ..]
            || !_host.Buffer.TryRead(_onlineFile, out var text, out _))
            return;
        // "0-3,6\n"
        _online.Clear();
        foreach (var part in text.TrimEnd((byte)'\n').Split((byte)','))
        {
            var range = text[part];
            var at = 0;
            if (!DecimalReader.TryRead(range, ref at, out var first))
                return;
            var last = first;
            if (at < range.Length)
            {
                at++;
                if (!DecimalReader.TryRead(range, ref at, out last))
                    return;
            }
            for (var cpu = Math.Max(first, 0); cpu <= last && cpu < MostCpus; cpu++)
                _online.Add((uint)cpu);
        }
    }

    private SoftnetCpu CpuAt(uint number)
    {
        // Kept in the order of their numbers; new ones are rare.
        var i = 0;
        while (i < _cpus.Count && _cpus[i].Number < number)
            i++;
        if (i < _cpus.Count && _cpus[i].Number == number)
            return _cpus[i];
        var cpu = new SoftnetCpu(number, new Row(CpuTable, null, _host.BootTime, (long)number));
        _cpus.Insert(i, cpu);
        return cpu;
    }

    private void Append(SnapshotBuilder snapshot)
    {
        var sum = new SoftnetTotals();
        foreach (var cpu in _cpus)
        {
            var online = cpu.Tick == snapshot.Tick;
            sum.Add(cpu.Totals, online);
            if (!_perCpu || !online)
                continue;
            var row = snapshot.Append(cpu.Row);
            One.Write(row, cpu.Totals);
        }
        var all = snapshot.Append(_row);
        Sum.Write(all, sum);
    }

    protected override void Dispose(bool disposing)
    {
        _file?.Dispose();
        _onlineFile?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The metrics of one of the two tables.</summary>
    private sealed class Columns
    {
        private readonly Metric _rps, _backlog, _input, _process;

        public Columns(string prefix, string whose)
        {
            Processed = Counter(
                "processed", Units.Packets, $"Packets that the backlogs {whose} passed on (processed).");
            Dropped = Counter(
                "dropped", Units.Packets, $"Packets dropped because a backlog {whose} was full (dropped).");
            Squeezed = Counter("time_squeeze", Units.Events,
                $"Receive polls {whose} cut short for lack of budget or time (time_squeeze).");
            _rps = Counter("received_rps", Units.Events,
                $"Times {whose} that one was woken by another to take packets (received_rps).");
            FlowLimit = Counter("flow_limit_count", Units.Packets,
                $"Packets of large flows dropped early at the backlogs {whose} (flow_limit_count).");
            _backlog = Level("backlog.length", $"Packets that wait in the backlogs {whose} (backlog length).");
            _input = Level("backlog.input", $"Packets that wait in the input queues {whose} (input_qlen).");
            _process = Level("backlog.process", $"Packets that wait in the process queues {whose} (process_qlen).");
            All = [Processed, Dropped, Squeezed, _rps, FlowLimit, _backlog, _input, _process];

            Metric Counter(string name, string unit, string description) =>
                Metric.Counter(prefix + name, unit, description);

            Metric Level(string name, string description) =>
                Metric.UpDownCounter(prefix + name, Units.Packets, description);
        }

        public IReadOnlyList<Metric> All { get; }

        public Metric Processed { get; }

        public Metric Dropped { get; }

        public Metric Squeezed { get; }

        public Metric FlowLimit { get; }

        public void Write(in RowWriter row, SoftnetTotals totals)
        {
            row.Set(Processed, totals.Processed);
            row.Set(Dropped, totals.Dropped);
            row.Set(Squeezed, totals.TimeSqueeze);
            row.Set(_rps, totals.ReceivedRps ?? Metric.Absent);
            row.Set(FlowLimit, totals.FlowLimitCount ?? Metric.Absent);
            row.Set(_backlog, totals.Backlog ?? Metric.Absent);
            row.Set(_input, totals.InputQueue ?? Metric.Absent);
            row.Set(_process, totals.ProcessQueue ?? Metric.Absent);
        }
    }
}
