using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using static Backends.Tests.Samples;
using Proto = OpenTelemetry.Proto.Metrics.V1;

namespace Backends.Tests;

/// <summary>What the encoder writes, read by the official messages.</summary>
public sealed class EncoderTests
{
    [Fact]
    public void Columns_of_one_name_leave_as_one_metric_whatever_table_they_are_in()
    {
        var receive = Counter("io", Units.Bytes, new Tag("direction", "receive"));
        var transmit = Counter("io", Units.Bytes, new Tag("direction", "transmit"));
        var elsewhere = Counter("io", Units.Bytes, new Tag("direction", "loop"));
        var between = Counter("between");
        var first = Table(receive, between, transmit);
        var second = Table(elsewhere);
        var (a, b) = (Row(first, Namespace(7), "eth0"), Row(second, Namespace(8), 443));

        var requests = Encoder().Encode(new Collection().Collect(s =>
        {
            var row = s.Append(a);
            row.Set(receive, 1);
            row.Set(between, 2);
            row.Set(transmit, 3);
            s.Append(b).Set(elsewhere, 4);
        }));

        requests.ShouldHaveSingleItem().Metrics().Select(m => m.Name).ShouldBe(["io", "between"]);
        requests.Metric("io").Numbers().Select(p => p.Attributes.Line() + " = " + p.AsInt).ShouldBe(
        [
            """direction="receive" netlens.netns="7" netlens.scope="namespace" row="eth0" = 1""",
            """direction="transmit" netlens.netns="7" netlens.scope="namespace" row="eth0" = 3""",
            """direction="loop" netlens.netns="8" netlens.scope="namespace" row=443 = 4""",
        ]);
    }

    [Fact]
    public void Attributes_follow_the_identity_of_the_namespace()
    {
        var counter = Counter("c");
        var table = Table(counter);
        var ns = Namespace(5, new SubjectNames("blue"));
        var row = Row(table, ns, "x");
        var collection = new Collection();
        var encoder = Encoder();

        var before = encoder.Encode(collection.Collect(s => s.Append(row).Set(counter, 1)));
        ns.Names = new SubjectNames("blue", "shop", "cart-1", "uid-1");
        var after = encoder.Encode(collection.Collect(s => s.Append(row).Set(counter, 2)));

        var old = before.Metric("c").Numbers().Single().Attributes;
        old.Text("netlens.netns.name").ShouldBe("blue");
        old.Text("k8s.pod.name").ShouldBeNull();
        var now = after.Metric("c").Numbers().Single().Attributes;
        now.Text("k8s.namespace.name").ShouldBe("shop");
        now.Text("k8s.pod.name").ShouldBe("cart-1");
        now.Text("k8s.pod.uid").ShouldBe("uid-1");
    }

    [Fact]
    public void The_host_and_the_node_are_of_scope_node()
    {
        var (ofHost, ofNode) = (Counter("host"), Counter("node"));
        var host = new NetNamespace(1, 1, isHost: true, startTime: 5);
        var nodeTable = new TableInfo("n", RowScope.Node, [], [ofNode]);
        var (hostRow, nodeRow) = (Row(Table(ofHost), host, "x"), new Row(nodeTable, null, 6));

        var requests = Encoder().Encode(new Collection().Collect(s =>
        {
            s.Append(hostRow).Set(ofHost, 1);
            s.Append(nodeRow).Set(ofNode, 1);
        }));

        requests.Metric("host").Numbers().Single().Attributes.Text("netlens.scope").ShouldBe("node");
        requests.Metric("node").Numbers().Single().Attributes.Line()
            .ShouldBe("netlens.scope=\"node\"");
        requests.Metric("node").Numbers().Single().StartTimeUnixNano.ShouldBe(6UL);
    }

    [Fact]
    public void What_is_absent_nameless_or_about_ourselves_is_left_out()
    {
        var (absent, present) = (Counter("absent"), Counter("present"));
        var legacy = Metric.Unnamed(InstrumentKind.Counter, "hidden", Units.One, "Only for a legacy name.");
        var own = Counter("own");
        var self = new TableInfo("self", RowScope.Node, [], [own]) { SelfTelemetry = true };
        var (row, selfRow) = (Row(Table(absent, present, legacy), Namespace(2), "x"), new Row(self, null, 1));

        var requests = Encoder().Encode(new Collection().Collect(s =>
        {
            var writer = s.Append(row);
            writer.Set(present, 1);
            writer.Set(legacy, 1);
            s.Append(selfRow).Set(own, 1);
        }));

        requests.Metrics().Select(m => m.Name).ShouldBe(["present"]);
    }

    [Fact]
    public void Nothing_to_say_is_no_request() => Encoder().Encode(new Collection().Collect(_ => { })).ShouldBeEmpty();

    [Fact]
    public void A_repeated_series_leaves_once_in_whatever_order_its_attributes_are()
    {
        var byRow = Counter("c");
        var byTag = Counter("c", Units.Packets, new Tag("row", "eth0"));
        var (first, second) = (Table(byRow), new TableInfo("u", RowScope.Namespace, [], [byTag]));
        var ns = Namespace(3);
        Row[] same = [Row(first, ns, "eth0"), Row(first, ns, "eth0")];
        var (other, split) = (Row(first, ns, "eth1"), new Row(second, ns, 1));
        var encoder = Encoder();

        var requests = encoder.Encode(new Collection().Collect(s =>
        {
            s.Append(same[0]).Set(byRow, 1);
            s.Append(same[1]).Set(byRow, 2);
            s.Append(other).Set(byRow, 3);
            s.Append(split).Set(byTag, 4);
        }));

        requests.Metric("c").Numbers().Select(p => p.AsInt).ShouldBe([1, 3]);
        encoder.Duplicates.ShouldBe(2);
    }

    [Fact]
    public void A_counter_that_fell_has_a_new_start()
    {
        var counter = Counter("c");
        var row = Row(Table(counter), Namespace(3), "x");
        var collection = new Collection();
        var encoder = Encoder();
        collection.Collect(s => s.Append(row).Set(counter, 10));
        var turn = Nanoseconds(collection.Clock.Now);

        var requests = encoder.Encode(collection.Collect(s => s.Append(row).Set(counter, 4)));

        var point = requests.Metric("c").Numbers().Single();
        ((long)point.StartTimeUnixNano).ShouldBe(turn);
        ((long)point.TimeUnixNano).ShouldBe(Nanoseconds(collection.Clock.Now));
        point.AsInt.ShouldBe(4);
    }

    [Fact]
    public void No_request_is_larger_than_allowed_and_no_point_is_lost_or_repeated()
    {
        Metric[] metrics = [.. Enumerable.Range(0, 5).Select(i => Counter($"metric.{i}"))];
        var table = Table([.. metrics]);
        Row[] rows = [.. Enumerable.Range(0, 2_000).Select(i => Row(table, Namespace((ulong)i / 10), $"if{i}"))];
        var encoder = Encoder(maxBytes: 20_000);
        var sizes = new List<int>();
        var snapshot = new Collection().Collect(s => Fill(s, rows, metrics));

        encoder.Begin(snapshot);
        var requests = new List<OpenTelemetry.Proto.Collector.Metrics.V1.ExportMetricsServiceRequest>();
        while (encoder.TryNext())
        {
            sizes.Add(encoder.Request.Length);
            requests.Add(OpenTelemetry.Proto.Collector.Metrics.V1.ExportMetricsServiceRequest.Parser
                .ParseFrom(encoder.Request.Span));
            requests[^1].Metrics().Sum(m => m.Numbers().Count()).ShouldBe(encoder.Points);
        }

        sizes.Max().ShouldBeLessThanOrEqualTo(20_000);
        sizes.SkipLast(1).Min().ShouldBeGreaterThan(19_000);
        requests.Metrics().ShouldAllBe(m => m.Sum.DataPoints.Count > 0);
        for (var i = 0; i < metrics.Length; i++)
        {
            var points = requests.Metrics().Where(m => m.Name == $"metric.{i}").SelectMany(m => m.Numbers()).ToList();
            points.Select(p => p.Attributes.Text("row")).ShouldBe(rows.Select(r => (string?)r.Tags[0].Text));
            points.Select(p => p.AsInt).ShouldBe(Enumerable.Range(0, rows.Length).Select(r => (long)(r * 10 + i)));
        }
        encoder.Duplicates.ShouldBe(0);
    }

    [Fact]
    public void A_series_that_fits_no_request_is_counted_and_the_others_leave()
    {
        var counter = Counter("c");
        var table = Table(counter);
        var (small, huge) = (Row(table, Namespace(1), "x"), Row(table, Namespace(1), new string('y', 10_000)));
        var encoder = Encoder(maxBytes: 5_000);

        var requests = encoder.Encode(new Collection().Collect(s =>
        {
            s.Append(huge).Set(counter, 1);
            s.Append(small).Set(counter, 2);
        }));

        requests.Metric("c").Numbers().Single().AsInt.ShouldBe(2);
        encoder.Oversized.ShouldBe(1);
    }

    [Theory]
    [InlineData(OtlpTemporality.Cumulative, false, false)]
    [InlineData(OtlpTemporality.Delta, true, true)]
    [InlineData(OtlpTemporality.LowMemory, false, true)]
    public void Temporality_is_chosen_by_kind(OtlpTemporality preference, bool counter, bool histogram)
    {
        var (sum, upDown) = (Counter("sum"), Of(InstrumentKind.UpDownCounter, "updown"));
        var spread = Histogram("spread", 0.1);
        var row = Row(Table(sum, upDown, spread), Namespace(1), "x");

        var requests = Encoder(preference).Encode(new Collection().Collect(s =>
        {
            var writer = s.Append(row);
            writer.Set(sum, 1);
            writer.Set(upDown, 1);
            writer.Set(spread, [1, 2], 3);
        }));

        requests.Metric("sum").Sum.AggregationTemporality.ShouldBe(Expected(counter));
        requests.Metric("spread").Histogram.AggregationTemporality.ShouldBe(Expected(histogram));
        requests.Metric("updown").Sum.AggregationTemporality.ShouldBe(Expected(false));
        requests.Metric("updown").Sum.IsMonotonic.ShouldBeFalse();

        static Proto.AggregationTemporality Expected(bool delta) => delta
            ? Proto.AggregationTemporality.Delta
            : Proto.AggregationTemporality.Cumulative;
    }

    private static void Fill(SnapshotBuilder snapshot, Row[] rows, Metric[] metrics)
    {
        for (var r = 0; r < rows.Length; r++)
        {
            var writer = snapshot.Append(rows[r]);
            for (var m = 0; m < metrics.Length; m++)
                writer.Set(metrics[m], r * 10 + m);
        }
    }
}
