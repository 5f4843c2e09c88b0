using System.Text;
using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Drops;
using Collector.Worker.Agent;
using Collector.Worker.Recorder.Files;
using Collector.Worker.View;

namespace Collector.Worker.Tests.View;

/// <summary>The model behind the API and <c>netlens top</c>, of tables that are made by hand.</summary>
public sealed class NodeViewTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromSeconds(60);

    [Fact]
    public void Rates_are_what_grew_in_the_window()
    {
        var node = new ViewedNode();
        node.Minute();
        var overview = Of(node).Overview();

        overview.WindowSeconds.ShouldBe(60);
        overview.Node.Name.ShouldBe("node-1");
        overview.Collection.RecordedSeconds.ShouldBe(60);
        overview.Pods.Select(p => p.Id).ShouldBe(["n4026532001", "n4026532002", "host"]);
        var web = overview.Pods[0];
        web.Name.ShouldBe("shop/web-0");
        web.Kind.ShouldBe("pod");
        web.Pod.ShouldBe(new PodRef("web-0", "shop"));
        web.RetransmitPercent.ShouldBe(5);
        web.NewPerSecond.ShouldBe(2);
        web.Connections.ShouldBe(7);
        web.DropsPerSecond.ShouldBe(0.75);
        web.ListenerWorst.ShouldBe(new ListenerUse(8080, 3, 4));
        web.RttP50Ms!.Value.ShouldBeInRange(0.5, 1.024);
        web.RttP99Ms!.Value.ShouldBeInRange(web.RttP50Ms.Value, 1.024);
        // Per collection of 15 s: 50 sent again, then 15 lost as well, the first with the second; who is told is none.
        web.Spark.ShouldBe([3.3333, 4.3333, 4.3333, 4.3333]);
        var blue = overview.Pods[1];
        blue.Kind.ShouldBe("namespace");
        blue.RetransmitPercent.ShouldBe(0);
        blue.DropsPerSecond.ShouldBe(0);
        blue.Spark.ShouldBe([0, 0, 0, 0]);
    }

    [Fact]
    public void What_nobody_tells_is_null_and_never_zero()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.Tracked.Used, node.Blue, 1);
        node.Collect();
        var once = Of(node).Overview();
        once.WindowSeconds.ShouldBeNull();
        once.Ledger.ShouldBeNull();
        var blue = once.Pods.ShouldHaveSingleItem();
        blue.ShouldSatisfyAllConditions(
            () => blue.Connections.ShouldBeNull(), () => blue.NewPerSecond.ShouldBeNull(),
            () => blue.RetransmitPercent.ShouldBeNull(), () => blue.RttP50Ms.ShouldBeNull(),
            () => blue.DropsPerSecond.ShouldBeNull(), () => blue.ListenerWorst.ShouldBeNull(),
            () => blue.ReceiveQueueBytes.ShouldBeNull(), () => blue.ThrottledPercent.ShouldBeNull(),
            () => blue.BytesInPerSecond.ShouldBeNull(), () => blue.Severity.ShouldBeNull(),
            () => blue.Spark.ShouldBeEmpty());
        once.Agent.CpuPercent.ShouldBeNull();
        once.Node.UptimeSeconds.ShouldBeNull();
        once.Checked.Observable.ShouldBeNull();
        Of(node).Subject("n4026532002")!.Changes.ShouldBeEmpty();
    }

    [Fact]
    public void A_file_says_what_the_agent_said()
    {
        var node = new ViewedNode();
        node.Minute();
        using var recording = node.History.Read()!;
        var contents = new RecordContents("{}", recording, []);
        var file = RecordFile.Read(
            new MemoryStream([.. new RecordFileWriter(contents).Pieces().SelectMany(p => p)]),
            new("1.2.3", [.. NodeFactory.Catalogue.SelectMany(p => p.AllTables), LedgerLines.Figures], []));
        var live = NodeView.Of(node.Source(recording), Minute)!;
        var replayed = NodeView.Of(node.Source(file.Collections), Minute)!;

        Text(replayed.Overview()).ShouldBe(Text(live.Overview()));
        foreach (var id in (string[])["host", "n4026532001", "n4026532002"])
            Text(replayed.Subject(id)!).ShouldBe(Text(live.Subject(id)!));

        // As it was half a minute before its end.
        var at = recording.Times[2].Time;
        var before = NodeView.Of(node.Source(file.Collections), Minute, at)!.Overview();
        before.WindowSeconds.ShouldBe(30);
        before.Pods[0].NewPerSecond.ShouldBe(2);
        before.Pods[0].Spark.ShouldBe([3.3333, 4.3333]);
        NodeView.Of(node.Source(file.Collections), Minute, recording.Times[0].Time - 1).ShouldBeNull();
    }

    [Fact]
    public void A_subject_has_its_listeners_the_fullest_first()
    {
        var node = new ViewedNode();
        node.Minute();
        var detail = Of(node).Subject("n4026532001")!;
        detail.Listeners.Select(l => (l.Address, l.Port, l.Queue, l.Limit))
            .ShouldBe([("0.0.0.0", 8080, 3L, 4L), ("0.0.0.0", 9090, 0L, 128L)]);
        detail.Latency.Select(l => (l.Station, l.Count)).ShouldBe([("tcp.connection.rtt server", 40L)]);
        Of(node).Listeners().Listeners[0].ShouldBe(new NodeListener(
            "n4026532001", "shop/web-0", "0.0.0.0", 8080, null, null, 3, 4, null, 0, 0));
        Of(node).Subject("n1").ShouldBeNull();
    }

    [Fact]
    public void What_changed_is_told_before_what_goes_on()
    {
        var node = new ViewedNode();
        // Four minutes of one load, then one in which something is sent again, and less is opened.
        node.Set(NodeFigures.SentSegments, node.Web, 0);
        node.Set(NodeFigures.SentAgain, node.Web, 0);
        node.Set(NodeFigures.Opened[0], node.Web, 0);
        for (var i = 0; i < 21; i++)
        {
            node.Collect();
            node.Add(NodeFigures.SentSegments, node.Web, 1000);
            node.Add(NodeFigures.SentAgain, node.Web, i < 16 ? 1 : 400);
            node.Add(NodeFigures.Opened[0], node.Web, i < 16 ? 100 : 10);
        }
        using var recording = node.History.Read()!;
        var changes = NodeView.Of(node.Source(recording), Minute)!.Compare()!.Changes;
        changes.Select(c => c.Metric)
            .ShouldBe([NodeFigures.SentAgain.Name, NodeFigures.Opened[0].Name]);
        changes[0].ShouldSatisfyAllConditions(
            c => c.Kernel.ShouldBe("Tcp RetransSegs"), c => c.Subject.ShouldBe("n4026532001"),
            c => c.NowPerSecond.ShouldBe(26.667), c => c.BeforePerSecond.ShouldBe(0.066667),
            c => c.Ratio.ShouldBe(400));
        changes[1].Ratio.ShouldBe(0.1);
        NodeView.Of(node.Source(recording), Minute)!.Compare("host").ShouldBeNull();
    }

    [Fact]
    public void A_counter_that_is_steady_or_hardly_counts_is_no_change()
    {
        var counter = NodeFigures.SentAgain;
        Changes.Score(counter, 1000, 1000).ShouldBe(0);
        Changes.Score(counter, 1020, 1000).ShouldBe(0);
        Changes.Score(counter, 3, 0).ShouldBe(0);
        Changes.Score(counter, 2000, 1000).ShouldBeGreaterThan(Changes.Score(counter, 1500, 1000));
        // A megabyte is no more than the packets that carry it.
        Changes.Score(NodeFigures.Traffic.In, 1448, 0).ShouldBe(0);
    }

    [Fact]
    public void A_series_has_rates_and_gaps()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.SentAgain, node.Web, 5);
        node.Collect();
        for (var i = 1; i <= 4; i++)
        {
            node.Add(NodeFigures.SentAgain, node.Web, i * 15);
            if (i == 3)
                node.Set(NodeFigures.SentAgain, node.Web, Metric.Absent);
            node.Collect();
            if (i == 3)
                node.Set(NodeFigures.SentAgain, node.Web, 0);
        }
        var series = SeriesLines.Of(node.Source(), new()
        {
            Metrics = [NodeFigures.SentAgain], Subject = "n4026532001",
        })!;
        series.ShouldSatisfyAllConditions(
            s => s.Metric.ShouldBe(NodeFigures.SentAgain.Name), s => s.Kernel.ShouldBe("Tcp RetransSegs"),
            s => s.Kind.ShouldBe("counter"), s => s.LeftOut.ShouldBe(0),
            s => s.Promql.ShouldBe("rate(netlens_tcp_retrans_segs_total"
                + "{k8s_namespace_name=\"shop\",k8s_pod_name=\"web-0\"}[1m])"));
        series.Times.Count.ShouldBe(4);
        series.Series.ShouldHaveSingleItem().Values.ShouldBe([1, 2, null, null]);
        series.Series[0].Total.ShouldBe(60, "as the kernel has it");

        SeriesLines.Of(node.Source(), new() { Metrics = [NodeFigures.SentAgain], Points = 2 })!.Times.Count.ShouldBe(2);
        SeriesLines.Of(node.Source(), new() { Metrics = [NodeFigures.SentAgain], Subject = "n1" }).ShouldBeNull();
        SeriesLines.Of(node.Source(), new()
        {
            Metrics = [NodeFigures.SentAgain], Tags = [new("network.type", "ipv4")],
        })!.Series.ShouldBeEmpty();
    }

    [Fact]
    public void A_distribution_over_time_is_told_by_quantiles()
    {
        var node = new ViewedNode();
        node.Minute();
        var series = SeriesLines.Of(node.Source(), new() { Metrics = [NodeFigures.RoundTrip] })!;
        series.Series.Select(s => s.Tags["quantile"]).ShouldBe(["0.5", "0.99"]);
        series.Series.ShouldAllBe(s => s.Total == null);
        series.Series[0].Tags["subject"].ShouldBe("shop/web-0");
        series.Series[0].Values[^1]!.Value.ShouldBeInRange(0.0005, 0.001024);
    }

    [Fact]
    public void Quantiles_lie_within_their_bucket()
    {
        var histogram = Metric.Histogram("netlens.test.h", "s", "Test.", [1, 2, 4]);
        Quantiles.Of(histogram, [0, 0, 0, 0, 0], 0.5).ShouldBeNull();
        Quantiles.Of(histogram, [10, 0, 0, 0, 0], 0.5).ShouldBe(0.5);
        Quantiles.Of(histogram, [0, 10, 0, 0, 0], 0.5).ShouldBe(1.5);
        Quantiles.Of(histogram, [0, 0, 0, 10, 0], 0.99).ShouldBe(4);
        Quantiles.Count([1, 2, 3, 4, 1000]).ShouldBe(10);
    }

    [Theory]
    [InlineData(0.0, 0.0)]
    [InlineData(1234567.0, 1234567.0)]
    [InlineData(12.3456789, 12.346)]
    [InlineData(0.0012345678, 0.0012346)]
    [InlineData(-3.33333333, -3.3333)]
    [InlineData(double.NaN, 0.0)]
    public void Numbers_have_five_figures(double value, double told) => Rounded.Of(value).ShouldBe(told);

    [Theory]
    [InlineData("netlens.tcp.retrans_segs", "Tcp RetransSegs")]
    [InlineData("netlens.tcp.segments", "Tcp InSegs, OutSegs")]
    [InlineData("netlens.tcp.listen.dropped", "sk_drops")]
    [InlineData("netlens.sock.time_wait", "sockstat: TCP tw")]
    [InlineData("netlens.softnet.dropped", "dropped")]
    [InlineData("netlens.netdev.carrier.changes", "carrier_changes")]
    [InlineData("netlens.tcp.connection.count", null)]
    [InlineData("netlens.ports.time_wait", null)]
    public void A_metric_has_the_kernels_word_where_there_is_one(string name, string? kernel) =>
        NodeView.Metrics(NodeFactory.Catalogue).Single(m => m.Name == name).Kernel.ShouldBe(kernel);

    [Fact]
    public void Every_metric_that_leaves_is_told_once()
    {
        var metrics = NodeView.Metrics(NodeFactory.Catalogue);
        metrics.Select(m => m.Name).ShouldBeUnique();
        metrics.ShouldAllBe(m => m.Source.Length > 0 && m.Unit.Length > 0);
        metrics.Count(m => m.Kernel is not null).ShouldBeGreaterThan(metrics.Length / 3);
        metrics.Single(m => m.Name == NodeFigures.SentAgain.Name).Promql
            .ShouldBe("rate(netlens_tcp_retrans_segs_total[1m])");
    }

    [Fact]
    public void Two_lives_of_one_inode_are_the_later_one()
    {
        var node = new ViewedNode();
        var again = new NetNamespace(node.Blue.Inode, 9, false, 17, new("green"));
        node.Set(NodeFigures.SentAgain, node.Blue, 1);
        node.Set(NodeFigures.SentAgain, again, 1);
        node.Collect();
        Of(node).Overview().Pods.ShouldHaveSingleItem().Name.ShouldBe("green");
    }

    [Fact]
    public void What_has_ended_is_not_shown_though_its_counters_stay()
    {
        var node = new ViewedNode();
        node.Minute();
        node.Row(NodeFigures.Established.Table, node.Blue)[NodeFigures.Established.Column] = Metric.Absent;
        node.Row(NodeFigures.SentAgain.Table, node.Blue).ShouldNotBeEmpty();
        node.Collect();
        Of(node).Overview().Pods.Select(p => p.Id).ShouldBe(["n4026532001", "host"]);
    }

    [Fact]
    public void What_the_forerunner_of_an_inode_did_is_not_its_heirs()
    {
        var node = new ViewedNode();
        var again = new NetNamespace(node.Blue.Inode, 9, false, 17, new("green"));
        var known = new KnownSubject(SubjectIds.Of(again)!, [again]);
        SubjectIds.IsOf(known, again).ShouldBeTrue();
        SubjectIds.IsOf(known, new NetNamespace(node.Blue.Inode, 9, false, 17)).ShouldBeTrue();
        SubjectIds.IsOf(known, node.Blue).ShouldBeFalse();
        SubjectIds.IsOf(known, node.Web).ShouldBeFalse();
    }

    [Fact]
    public void An_overflow_that_is_told_twice_counts_once()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.LossWatched, node.Web, 0);
        node.Set(NodeFigures.ListenDrops, node.Web, 0);
        var overflows = node.Row(NodeFigures.Dropped.Table, node.Web, "TCP_LISTEN_OVERFLOW", "ipv4", "lost");
        overflows[0] = 0;
        node.Collect();
        // The other 30 are what a listener drops for another reason.
        node.Add(NodeFigures.ListenDrops, node.Web, 150);
        overflows[0] = 120;
        node.Collect();
        var web = Of(node).Overview().Pods.ShouldHaveSingleItem();
        web.DropsPerSecond.ShouldBe(10);
        web.Spark.ShouldBe([10]);
    }

    [Fact]
    public void Growth_and_fullness_of_what_was_not_told_before_are_not_known()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.Established, node.Web, 1);
        node.Facts = node.Facts with { AgentStart = 100 };
        node.Collect();
        node.Set(NodeFigures.Opened[0], node.Web, 5000);
        node.Set(NodeFigures.Tracked.Used, node.Web, 200_000);
        node.Set(NodeFigures.Tracked.Limit, node.Web, 262_144);
        node.Collect();
        Of(node).Overview().Pods.ShouldHaveSingleItem().NewPerSecond.ShouldBeNull();
        var table = Of(node).Node().Gauges.ShouldHaveSingleItem();
        table.Used.ShouldBe(200_000);
        table.SecondsToFull.ShouldBeNull();
        // It has grown by 1000 in 15 s of the 30 since.
        node.Set(NodeFigures.Tracked.Used, node.Web, 201_000);
        node.Collect();
        NodeView.Of(node.Source(), TimeSpan.FromSeconds(15))!.Node().Gauges[0].SecondsToFull
            .ShouldBe(Math.Round((262_144 - 201_000) / (1000 / 15.0), 2));
    }

    [Fact]
    public void A_burst_that_began_its_row_is_in_its_chart()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.Established, node.Web, 1);
        node.Collect();
        node.Row(NodeFigures.Dropped.Table, node.Web, "NO_SOCKET", "ipv4", "lost")[0] = 1500;
        node.Collect();
        node.Collect();
        SeriesLines.Of(node.Source(), new() { Metrics = [NodeFigures.Dropped] })!
            .Series.ShouldHaveSingleItem().Values.ShouldBe([100, 0]);
    }

    [Fact]
    public void A_chart_has_the_lines_with_most_to_see()
    {
        var node = new ViewedNode();
        var all = Enumerable.Range(1, 25).Select(i => new NetNamespace((ulong)i, i, false, 17, new($"ns{i}"))).ToArray();
        foreach (var ns in all)
            node.Set(NodeFigures.SentAgain, ns, 1);
        node.Collect();
        for (var i = 0; i < all.Length; i++)
            node.Add(NodeFigures.SentAgain, all[i], 15 * i);
        node.Collect();
        var series = SeriesLines.Of(node.Source(), new() { Metrics = [NodeFigures.SentAgain] })!;
        series.LeftOut.ShouldBe(5);
        series.Series.Select(s => s.Values[0]).ShouldBe(Enumerable.Range(5, 20).Reverse().Select(i => (double?)i));
    }

    [Fact]
    public void What_nobody_knows_of_before_is_no_change()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.Established, node.Web, 1);
        for (var i = 0; i < 10; i++)
            node.Collect();
        // A probe is enabled: its counters are as old as the namespace.
        for (var i = 0; i < 11; i++)
        {
            node.Add(NodeFigures.SentSegments, node.Web, 15_000);
            node.Collect();
        }
        using var recording = node.History.Read()!;
        NodeView.Of(node.Source(recording), Minute)!.Compare()!.Changes.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_zero_that_is_left_out_is_zero_and_what_the_kernel_does_not_give_is_unknown(bool leftOut)
    {
        var node = new ViewedNode();
        if (leftOut)
        {
            node.Facts = node.Facts with
            {
                ZerosLeftOut = new[] { NodeFigures.SentAgain, NodeFigures.Established, NodeFigures.LossWatched }
                    .Select(LeftOutZeros.NameOf).ToHashSet(),
            };
        }
        // Rows that are there, for the sake of other cells.
        node.Set(NodeFigures.ReceiveQueues[0], node.Web, 1);
        node.Set(NodeFigures.LostByCounters, node.Web, 1);
        for (var i = 0; i < 3; i++)
        {
            node.Add(NodeFigures.SentSegments, node.Web, 1000);
            node.Collect();
        }
        using var recording = node.History.Read()!;
        var view = NodeView.Of(node.Source(recording), Minute)!;
        var web = view.Overview().Pods.Single();
        web.RetransmitPercent.ShouldBe(leftOut ? 0 : null);
        web.Connections.ShouldBe(leftOut ? 0 : null);
        web.ResetsPerSecond.ShouldBeNull();
        web.RttP50Ms.ShouldBeNull();
        var series = SeriesLines.Of(node.Source(recording), new SeriesQuery { Metrics = [NodeFigures.Established] })!;
        series.Series.SelectMany(s => s.Values).ShouldBe(leftOut ? [0.0, 0.0] : Array.Empty<double?>());
    }

    [Fact]
    public void A_namespace_in_which_all_is_zero_is_there_and_one_that_has_ended_is_not()
    {
        var node = new ViewedNode();
        node.Facts = node.Facts with { ZerosLeftOut = new HashSet<string> { "some" } };
        node.Set(NodeFigures.SentSegments, node.Host, 1);
        node.Set(NodeFigures.Established, node.Blue, 1);
        // What is kept of one that has ended: counters.
        node.Set(NodeFigures.SentAgain, node.Web, 7);
        // All that a quiet one has are rows of levels, and these are left out.
        var quiet = new NetNamespace(4026532003, 4, false, 17, new("quiet"));
        node.Row(LevelsOnly, quiet);
        node.Collect();
        Of(node).Overview().Pods.Select(p => p.Name).ShouldBe(["blue", "host", "quiet"], ignoreOrder: true);
    }

    private static TableInfo LevelsOnly => NodeFactory.Catalogue.Single(p => p.Id == "sock").Tables
        .First(t => t.RowTags.Count == 0 && t.Metrics.All(m => m.Kind == InstrumentKind.UpDownCounter));

    [Fact]
    public void What_can_run_full_is_bounded_and_the_rest_is_counted()
    {
        var node = new ViewedNode();
        node.Set(NodeFigures.Tracked.Used, node.Host, 1);
        node.Set(NodeFigures.Tracked.Limit, node.Host, 1000);
        for (var i = 0; i < 600; i++)
        {
            var ns = new NetNamespace(1000 + (ulong)i, 10 + i, false, 17);
            node.Set(NodeFigures.Tracked.Used, ns, i + 1);
            node.Set(NodeFigures.Tracked.Limit, ns, 1000);
        }
        node.Collect();
        var detail = Of(node).Node();
        detail.Gauges.Count.ShouldBe(500);
        detail.GaugesLeftOut.ShouldBe(101);
        detail.Gauges[0].Subject.ShouldBe("host", "though it is the emptiest");
        detail.Gauges[1].Used.ShouldBe(600);
        detail.DevicesLeftOut.ShouldBe(0);
    }

    [Fact]
    public void There_are_no_more_lines_than_the_bound()
    {
        var node = new ViewedNode();
        for (var i = 0; i < NodeView.MostSubjects + 7; i++)
            node.Set(NodeFigures.SentAgain, new NetNamespace(1000 + (ulong)i, 10 + i, false, 17), 1);
        node.Collect();
        var overview = Of(node).Overview();
        overview.Pods.Count.ShouldBe(NodeView.MostSubjects);
        overview.PodsLeftOut.ShouldBe(7);
    }

    [Fact]
    public void What_stands_in_a_header_is_what_cannot_be_seen()
    {
        using var header = JsonDocument.Parse("""
            { "version": "9", "node": "n", "release": "6.1.0", "cpus": 4, "boot_time": 60000000000,
              "interval_seconds": 2, "status": { "start_time": "1970-01-01T00:02:00Z" },
              "doctor": { "limits": ["5 listeners left out"], "probes": [
                { "probe": "packetloss", "verdict": "ok", "hooks": [
                  { "hook": "drops", "ways": [{ "by": "x", "verdict": "taken", "reason": "" }] },
                  { "hook": "where", "ways": [{ "by": "y", "verdict": "refused", "reason": "no kprobes" }] } ] },
                { "probe": "dns", "verdict": "unavailable", "reason": "no BTF" },
                { "probe": "ports", "verdict": "off", "reason": "it cost too much" } ] },
              "configuration": { "values": { "probes.dns": "true", "probes.flow": "false",
                "probes.tcpext.include": "false", "http.enabled": "false" } } }
            """);
        var facts = ViewFacts.Of(header.RootElement);
        facts.ShouldSatisfyAllConditions(
            f => f.Kernel.ShouldBe("6.1.0"), f => f.Cpus.ShouldBe(4), f => f.BootTime.ShouldBe(60_000_000_000),
            f => f.AgentStart.ShouldBe(120_000_000_000), f => f.Interval.ShouldBe(2),
            f => f.Blind.ShouldBe([
                new("packetloss: where", "no kprobes", "machine"), new("probe dns", "no BTF", "machine"),
                new("probe ports", "it cost too much", "budget"), new("limit", "5 listeners left out", "limit"),
                new("probe flow", "off by configuration (probes.flow)", "configuration"),
            ]));
        var seen = facts.Checked(NodeFactory.Catalogue);
        seen.Observable!.Value.ShouldBeInRange(1, seen.Kinds - 1);
        // Whatever else a file has in that place.
        using var odd = JsonDocument.Parse("""{ "doctor": [], "cpus": "x", "status": 7, "interval_seconds": null }""");
        ViewFacts.Of(odd.RootElement).Blind.ShouldBeEmpty();
    }

    private static NodeView Of(ViewedNode node) => NodeView.Of(node.Source(), Minute)!;

    private static string Text(OverviewView view) => Encoding.UTF8.GetString(ViewJson.Bytes(view));

    private static string Text(SubjectDetail view) => Encoding.UTF8.GetString(ViewJson.Bytes(view));
}
