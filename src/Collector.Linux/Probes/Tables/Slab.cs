using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tables;

/// <summary>Kernel memory of TCP sockets, half-open requests and TIME_WAIT, from /proc/slabinfo.</summary>
/// <remarks>
/// Off by default: the kernel takes slab_mutex and prints every cache of the machine for six lines. With SLUB the
/// count of active objects includes what per-CPU slabs hold in reserve (get_slabinfo in mm/slub.c).
/// </remarks>
internal sealed class Slab(ProbeHost host) : Probe(Info)
{
    private static readonly string[] Caches =
        ["TCP", "TCPv6", "request_sock_TCP", "request_sock_TCPv6", "tw_sock_TCP", "tw_sock_TCPv6"];

    private static readonly Metric Active = Metric.UpDownCounter("netlens.slab.object.active", Units.Objects,
        "Objects in use, reserves of the CPUs included (active_objs).");

    private static readonly Metric Objects = Metric.UpDownCounter("netlens.slab.object.allocated", Units.Objects,
        "Objects that the cache has room for (num_objs).");

    private static readonly Metric ObjectSize =
        Metric.Gauge("netlens.slab.object.size", Units.Bytes, "Size of an object (objsize).");

    private static readonly Metric PerSlab =
        Metric.Gauge("netlens.slab.objects_per_slab", Units.Objects, "Objects in a slab (objperslab).");

    private static readonly Metric Pages =
        Metric.Gauge("netlens.slab.pages_per_slab", Units.Pages, "Pages of a slab (pagesperslab).");

    private static readonly TableInfo Table = new("slab", RowScope.Node, [new TagKey("netlens.slab.cache")],
        [Active, Objects, ObjectSize, PerSlab, Pages]);

    private readonly (byte[] Name, Row Row)[] _rows =
        [.. Caches.Select(c => (Encoding.ASCII.GetBytes(c), new Row(Table, null, host.BootTime, c)))];

    private ProcFile? _file;

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "slab",
        Description = "Objects and sizes of the TCP slab caches.",
        Source = "/proc/slabinfo (mm/slab_common.c); needs root",
        Tables = [Table],
        EnabledByDefault = false,
    };

    public override void Start()
    {
        try
        {
            _file ??= ProcFile.Open($"{host.Paths.Proc}/slabinfo");
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException(e.Message, e);
        }
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        if (!host.Buffer.TryRead(_file!, out var content, out var errno))
        {
            snapshot.ReadFailed(errno.ToString());
            return;
        }
        var whole = content[..(content.LastIndexOf((byte)'\n') + 1)];
        if (whole.Length != content.Length)
            snapshot.ReadFailed("truncated");
        var lines = new LineReader(whole);
        // The columns are those of version 2.1, since 2.6.10.
        if (!lines.TryNext(out var version) || !version.SequenceEqual("slabinfo - version: 2.1"u8))
        {
            snapshot.ReadFailed("malformed");
            return;
        }
        Span<long> values = stackalloc long[5];
        while (lines.TryNext(out var line))
            Append(line, values, snapshot);
    }

    private void Append(ReadOnlySpan<byte> line, Span<long> values, SnapshotBuilder snapshot)
    {
        var fields = new FieldReader(line);
        if (!fields.TryNext(out var name) || RowOf(name) is not { } cache)
            return;
        foreach (ref var value in values)
        {
            if (!fields.TryNextNumber(out value) || value < 0)
            {
                snapshot.ReadFailed("malformed");
                return;
            }
        }
        var row = snapshot.Append(cache);
        for (var i = 0; i < values.Length; i++)
            row.Set(i, values[i]);
    }

    private Row? RowOf(ReadOnlySpan<byte> name)
    {
        foreach (var (known, row) in _rows)
        {
            if (name.SequenceEqual(known))
                return row;
        }
        return null;
    }

    protected override void Dispose(bool disposing)
    {
        _file?.Dispose();
        base.Dispose(disposing);
    }
}
