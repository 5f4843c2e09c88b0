using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Rdma;

/// <summary>
/// Counters of RDMA ports, from /sys/class/infiniband/&lt;device&gt;/ports/&lt;port&gt;/{counters,hw_counters}. The
/// files of counters are the InfiniBand port counters that every driver has; hw_counters are the driver's own.
/// </summary>
/// <remarks>
/// Proved on trees written to the drivers' format, not on hardware. A device keeps its files open until its folder is
/// gone; folders are looked through at the start and every <see cref="LookEvery"/> collections.
/// </remarks>
internal sealed class Rdma(ProbeHost host, ProbeSettings settings) : Probe(RdmaCounters.Info)
{
    private const int LookEvery = 20;
    private readonly bool _all = settings.Get(RdmaCounters.IncludeAll);
    private readonly List<Port> _ports = [];
    private readonly RdmaResources _resources = new();
    private RdmaCounters _counters = RdmaCounters.Known;
    private int _untilLook;

    private string Root => $"{host.Paths.Sys}/class/infiniband";

    public static new ProbeInfo Info => RdmaCounters.Info;

    public override void Start()
    {
        if (!Directory.Exists(Root))
            throw new ProbeUnavailableException($"no RDMA device ({Root})");
        _untilLook = 0;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        if (--_untilLook <= 0)
            Look(snapshot);
        foreach (var port in _ports)
            Append(port, snapshot);
        _resources.Collect(host, snapshot);
    }

    private void Append(Port port, SnapshotBuilder snapshot)
    {
        var row = snapshot.Append(port.Row);
        foreach (var counter in port.Counters)
        {
            if (!TryRead(counter.File, out var value, out var reason))
            {
                // Some drivers answer EINVAL or EOPNOTSUPP for a counter that the port's mode does not have.
                snapshot.ReadFailed(reason);
                continue;
            }
            row.Set(counter.Column, value);
        }
    }

    private bool TryRead(ProcFile file, out long value, out string reason)
    {
        value = Metric.Absent;
        if (!host.Buffer.TryRead(file, out var text, out var errno))
        {
            reason = errno.ToString();
            return false;
        }
        var at = 0;
        reason = "malformed";
        return DecimalReader.TryRead(text, ref at, out value) && value >= 0
            && at == text.Length - 1 && text[at] == (byte)'\n';
    }

    private void Look(SnapshotBuilder snapshot)
    {
        _untilLook = LookEvery;
        if (_all)
            Learn();
        var known = _ports.ToDictionary(p => p.Folder);
        _ports.Clear();
        foreach (var (device, number, folder) in Folders())
        {
            if (known.Remove(folder, out var port))
                _ports.Add(port);
            else
                _ports.Add(Open(device, number, folder, snapshot));
        }
        foreach (var gone in known.Values)
            gone.Dispose();
    }

    /// <summary>
    /// With a counter that is new all ports begin anew in a wider table: rows of one table belong together.
    /// </summary>
    private void Learn()
    {
        var wider = _counters.With(
            Folders().SelectMany(f => CounterFiles(f.Folder)).Select(f => Path.GetFileName(f)).Distinct());
        if (ReferenceEquals(wider, _counters))
            return;
        _counters = wider;
        foreach (var port in _ports)
            port.Dispose();
        _ports.Clear();
    }

    private static IEnumerable<string> CounterFiles(string folder) =>
        List($"{folder}/counters").Concat(List($"{folder}/hw_counters"))
            .DistinctBy(Path.GetFileName) // one name in both places is one series
            .Where(f => Path.GetFileName(f) != "lifespan"); // a setting of the driver's cache, not a counter

    private IEnumerable<(string Device, long Port, string Folder)> Folders()
    {
        foreach (var device in List(Root))
        {
            foreach (var port in List($"{device}/ports"))
            {
                if (long.TryParse(Path.GetFileName(port), out var number))
                    yield return (Path.GetFileName(device), number, port);
            }
        }
    }

    private static string[] List(string folder)
    {
        try
        {
            var entries = Directory.GetFileSystemEntries(folder);
            Array.Sort(entries, StringComparer.Ordinal);
            return entries;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private Port Open(string device, long number, string folder, SnapshotBuilder snapshot)
    {
        var row = new Row(_counters.Table, null, snapshot.StartTimeOfNew(host.BootTime), device,
            RdmaCounters.DriverOf(device), number);
        var port = new Port(folder, row);
        foreach (var file in CounterFiles(folder))
        {
            var column = _counters.ColumnOf(Path.GetFileName(file));
            if (column < 0)
                continue;
            try
            {
                port.Counters.Add(new Counter(ProcFile.Open(file), column));
            }
            catch (LinuxException e)
            {
                snapshot.ReadFailed(e.Errno.ToString());
            }
        }
        return port;
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var port in _ports)
            port.Dispose();
        _ports.Clear();
        _resources.Dispose();
        base.Dispose(disposing);
    }

    private readonly record struct Counter(ProcFile File, int Column);

    private sealed class Port(string folder, Row row) : IDisposable
    {
        public string Folder => folder;

        public Row Row => row;

        public List<Counter> Counters { get; } = [];

        public void Dispose()
        {
            foreach (var counter in Counters)
                counter.File.Dispose();
        }
    }
}
