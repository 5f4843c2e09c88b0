using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Rdma;

/// <summary>
/// Kernel objects per RDMA device (queue pairs, memory regions...), which sysfs does not tell: a dump of
/// RDMA_NLDEV_CMD_RES_GET (include/uapi/rdma/rdma_netlink.h, Linux 4.16).
/// </summary>
/// <remarks>Its parser is proved on messages put together by hand: no RDMA hardware was at hand.</remarks>
internal sealed class RdmaResources : INetlinkSink, IDisposable
{

    /// <summary>Names as the kernel spells them (drivers/infiniband/core/nldev.c) and what they count.</summary>
    private static readonly (string Name, string What)[] Known =
    [
        ("cm_id", "Connection manager ids."), ("cq", "Completion queues."), ("ctx", "User contexts."),
        ("mr", "Memory regions."), ("pd", "Protection domains."), ("qp", "Queue pairs."),
        ("srq", "Shared receive queues."),
    ];

    private static readonly byte[][] Names = [.. Known.Select(k => Encoding.ASCII.GetBytes(k.Name))];

    /// <summary>One row per device.</summary>
    public static TableInfo Table { get; } = new("rdma.resources", RowScope.Node,
        [new("netlens.rdma.device"), new("netlens.rdma.driver")],
        [.. Known.Select(k => Metric.UpDownCounter($"netlens.rdma.{k.Name}.count", Units.Objects, k.What))]);

    private readonly NetlinkChannel _channel = new(NetlinkFamily.Rdma);
    private readonly Dictionary<string, Row> _rows = [];
    private readonly List<(string Device, long[] Counts)> _found = [];

    /// <summary>Asks for all devices and appends a row for each; a kernel without the interface has none.</summary>
    public void Collect(ProbeHost host, SnapshotBuilder snapshot)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>()];
        request.Clear();
        if (host.Paths.Recorded)
            return;
        if (!_channel.Ask(host.Namespaces.Host, Rdmanl.ResourcesRequest, Rtnl.NLM_F_DUMP, request, this))
        {
            if (!_channel.Error.IsAny(EPROTONOSUPPORT, EOPNOTSUPP, EINVAL))
                snapshot.ReadFailed(_channel.Failure);
            return;
        }
        Append(snapshot);
    }

    /// <summary>Appends what was taken.</summary>
    internal void Append(SnapshotBuilder snapshot)
    {
        foreach (var (device, counts) in _found)
        {
            if (!_rows.TryGetValue(device, out var identity))
                _rows.Add(
                    device, identity = new Row(Table, null, snapshot.Time, device, RdmaCounters.DriverOf(device)));
            var row = snapshot.Append(identity);
            for (var i = 0; i < counts.Length; i++)
            {
                if (counts[i] >= 0)
                    row.Set(Table.Metrics[i], counts[i]);
            }
        }
    }

    public void Begin() => _found.Clear();

    /// <summary>Takes the message of one device.</summary>
    public bool Take(in NetlinkMessage message)
    {
        var attributes = new NetlinkAttributes(message.Payload);
        var device = "";
        var counts = new long[Known.Length];
        Array.Fill(counts, -1);
        while (attributes.MoveNext(out var type, out var value))
        {
            if (type == Rdmanl.RDMA_NLDEV_ATTR_DEV_NAME)
                device = NamePool.Of(NetlinkAttributes.Text(value));
            else if (type == Rdmanl.RDMA_NLDEV_ATTR_RES_SUMMARY && !TakeSummary(value, counts))
                return false;
        }
        if (attributes.Malformed || device.Length == 0)
            return false;
        _found.Add((device, counts));
        return true;
    }

    private static bool TakeSummary(ReadOnlySpan<byte> summary, long[] counts)
    {
        var entries = new NetlinkAttributes(summary);
        while (entries.MoveNext(out var type, out var entry))
        {
            if (type == Rdmanl.RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY && !TakeEntry(entry, counts))
                return false;
        }
        return !entries.Malformed;
    }

    private static bool TakeEntry(ReadOnlySpan<byte> entry, long[] counts)
    {
        var fields = new NetlinkAttributes(entry);
        var index = -1;
        var current = -1L;
        while (fields.MoveNext(out var type, out var value))
        {
            if (type == Rdmanl.RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME)
                index = IndexOf(NetlinkAttributes.Text(value));
            else if (type == Rdmanl.RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR
                && !MemoryMarshal.TryRead(value, out current))
                return false;
        }
        if (index >= 0)
            counts[index] = current;
        return !fields.Malformed;
    }

    private static int IndexOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (name.SequenceEqual(Names[i]))
                return i;
        }
        return -1;
    }

    public void Dispose() => _channel.Dispose();
}
