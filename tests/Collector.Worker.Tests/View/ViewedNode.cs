using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Recorder;
using Collector.Worker.Tests.Recorder;
using Collector.Worker.View;

namespace Collector.Worker.Tests.View;

/// <summary>A node whose rows of real tables a test fills by hand.</summary>
internal sealed class ViewedNode
{
    private readonly RecordedNode _node = new();
    private readonly Dictionary<(TableInfo, Subject?, string), long[]> _cells = [];

    public NetNamespace Host { get; } = new(4026531840, 1, true, 17);

    public NetNamespace Web { get; } = new(4026532001, 2, false, 17, new("cni-1", "shop", "web-0", "uid-1"));

    public NetNamespace Blue { get; } = new(4026532002, 3, false, 17, new("blue"));

    public StepClock Clock => _node.Clock;

    public SnapshotStore Store => _node.Store;

    public History History => _node.History;

    public ViewFacts Facts { get; set; } = new() { Version = "1.2.3", Node = "node-1", Interval = 15, AgentStart = 10 };

    /// <summary>Cells of a row; absent at first.</summary>
    public long[] Row(TableInfo table, Subject? subject, params TagValue[] tags)
    {
        var key = (table, subject, string.Join('|', tags.Select(t => t.Text)));
        if (_cells.TryGetValue(key, out var cells))
            return cells;
        cells = new long[table.Width];
        Array.Fill(cells, Metric.Absent);
        _node.Rows.Add((new Row(table, subject, 17, tags), cells));
        return _cells[key] = cells;
    }

    public void Set(Metric metric, Subject? subject, long value) => Row(metric.Table, subject)[metric.Column] = value;

    public void Add(Metric metric, Subject? subject, long growth)
    {
        ref var cell = ref Row(metric.Table, subject)[metric.Column];
        cell = Math.Max(0, cell) + growth;
    }

    /// <summary>Fifteen seconds pass, and a collection is taken.</summary>
    public Snapshot Collect()
    {
        Clock.Pass(TimeSpan.FromSeconds(15));
        return _node.Publish(keep: false);
    }

    public ViewSource Source(Recording? recording = null) => new()
    {
        Recording = recording ?? History.Read()!,
        Facts = Facts,
        Catalogue = NodeFactory.Catalogue,
        Version = "4.5.6",
    };

    /// <summary>Traffic of a minute: web-0 loses and is full, blue is well.</summary>
    public void Minute()
    {
        foreach (var ns in (NetNamespace[])[Host, Web, Blue])
        {
            Set(NodeFigures.SentSegments, ns, 1_000_000);
            Set(NodeFigures.SentAgain, ns, 100);
            Set(NodeFigures.Opened[0], ns, 10);
            Set(NodeFigures.Opened[1], ns, 20);
            Set(NodeFigures.Established, ns, 7);
            Set(NodeFigures.LossWatched, ns, 0);
        }
        Listener(8080, 3, 4);
        Listener(9090, 0, 128);
        Collect();
        for (var i = 0; i < 4; i++)
        {
            Add(NodeFigures.SentSegments, Web, 950);
            Add(NodeFigures.SentAgain, Web, 50);
            Add(NodeFigures.Opened[0], Web, 30);
            Add(NodeFigures.SentSegments, Blue, 1000);
            if (i > 0)
                Lose(Web, 15);
            RoundTrips(Web, 10);
            Collect();
        }
    }

    private void Lose(NetNamespace ns, long packets)
    {
        ref var lost = ref Row(NodeFigures.Dropped.Table, ns, "NO_SOCKET", "ipv4", "lost")[0];
        lost = Math.Max(0, lost) + packets;
        Row(NodeFigures.Dropped.Table, ns, "NETFILTER_DROP", "ipv4", "refused")[0] = 1000;
    }

    public void Listener(int port, long queue, long limit)
    {
        var cells = Row(NodeFigures.Listeners, Web, "0.0.0.0", (long)port, "");
        cells[NodeFigures.Listener.Queue.Column] = queue;
        cells[NodeFigures.Listener.Limit.Column] = limit;
        cells[NodeFigures.Listener.Drops.Column] = 0;
    }

    // All in the bucket up to 1.024 ms.
    private void RoundTrips(NetNamespace ns, long count)
    {
        var metric = NodeFigures.RoundTrip;
        var cells = Row(metric.Table, ns, "server");
        var bucket = metric.Column + metric.Bounds!.ToList().FindIndex(b => b > 0.001);
        for (var i = metric.Column; i < metric.Column + metric.Width; i++)
            cells[i] = Math.Max(0, cells[i]);
        cells[bucket] += count;
        cells[metric.Column + metric.Width - 1] += count * 800;
    }
}
