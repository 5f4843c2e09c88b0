using System.Text.Json;
using Collector.Core;
using Collector.Worker.Watch;

namespace Collector.Worker.Tests.Watch;

/// <summary>The forms of an event.</summary>
public sealed class WatchPrinterTests
{
    private const string Tuple = """
        "netlens.netns":"4026532314","k8s.namespace.name":"shop","k8s.pod.name":"web-0","network.transport":"tcp",
        "source.address":"10.0.0.2","source.port":80,"destination.address":"10.0.0.9","destination.port":4711,
        "netlens.destination.pod":"shop/client-0","netlens.event.legacy_type":"TCPRESET_NOSOCK"
        """;

    private static string Print(WatchForm form, string json, params string[] sources) =>
        new WatchPrinter(form, "node-1", sources.Length == 0 ? ["here"] : sources)
            .Of(sources.FirstOrDefault() ?? "here", WatchLine.Parse(json).ShouldNotBeNull()).Text;

    private static string Local(string time) =>
        DateTimeOffset.Parse($"2026-03-04T{time}Z").ToLocalTime().ToString("HH:mm:ss.fff");

    [Fact]
    public void A_line_has_time_severity_kind_and_message() =>
        Print(WatchForm.Line, FakeAgent.Event(7)).ShouldBe(
            $"{Local("12:00:07.123")} WARN  tcpreset.sent         sent reset");

    [Fact]
    public void What_was_held_back_is_said() =>
        Print(WatchForm.Line, FakeAgent.Event(7, attributes: "\"netlens.event.held_back\":3"))
            .ShouldEndWith("sent reset (3 like it held back)");

    [Fact]
    public void A_summary_is_no_event() =>
        Print(WatchForm.Line, FakeAgent.Event(7, attributes:
            "\"netlens.event.held_back\":3,\"netlens.event.summary\":true"))
            .ShouldEndWith("tcpreset.sent         sent reset");

    [Fact]
    public void With_several_agents_lines_begin_with_theirs()
    {
        Print(WatchForm.Line, FakeAgent.Event(7), "a:9102", "node-12:9102").ShouldStartWith(
            $"a:9102       {Local("12:00:07.123")} WARN");
        Print(WatchForm.Json, FakeAgent.Event(7).TrimEnd(), "a:9102", "b:9102").ShouldBe(
            "{\"agent\":\"a:9102\"," + FakeAgent.Event(7).TrimEnd()[1..]);
    }

    [Fact]
    public void Json_is_as_it_came() =>
        Print(WatchForm.Json, FakeAgent.Event(7, message: "größer \\u001b[31m").TrimEnd())
            .ShouldBe(FakeAgent.Event(7, message: "größer \\u001b[31m").TrimEnd());

    [Theory]
    [InlineData("\u009b31m")]
    [InlineData("\u202egnihton")]
    [InlineData("\u007f")]
    public void Nothing_drives_the_terminal(string bad)
    {
        var json = FakeAgent.Event(7, message: bad).TrimEnd();
        foreach (var form in Enum.GetValues<WatchForm>())
            Print(form, json).ShouldAllBe(c => !SafeText.IsUnsafe(c), $"{form}");
        JsonDocument.Parse(Print(WatchForm.Json, json)).RootElement.GetProperty("message").GetString().ShouldBe(bad);
    }

    [Fact]
    public void An_escape_in_JSON_is_none_on_the_terminal() =>
        Print(WatchForm.Line, FakeAgent.Event(7, message: "a\\u001b[31m\\nb")).ShouldEndWith("a\uFFFD[31m\uFFFDb");

    [Fact]
    public void KubeSkoops_sinks_have_labels_of_both_ends_or_of_the_pod()
    {
        Print(WatchForm.KubeSkoop, FakeAgent.Event(7, attributes: Tuple)).ShouldBe(
            """{"timestamp":1772625607223456789,"type":"TCPRESET_NOSOCK","labels":["""
            + """{"name":"pod","value":"web-0"},{"name":"namespace","value":"shop"},{"name":"node","value":"node-1"}"""
            + """],"msg":"sent reset"}""");
        var labels = JsonDocument.Parse(Print(WatchForm.KubeSkoop,
            FakeAgent.Event(7, "packetloss.drop", attributes: Tuple))).RootElement.GetProperty("labels")
            .EnumerateArray().Select(l => $"{l.GetProperty("name")}={l.GetProperty("value")}");
        labels.ShouldBe([
            "protocol=TCP", "src=10.0.0.2", "src_type=unknown", "src_node=", "src_namespace=", "src_pod=",
            "dst=10.0.0.9", "dst_type=pod", "dst_node=", "dst_namespace=shop", "dst_pod=client-0", "sport=80",
            "dport=4711",
        ]);
        Print(WatchForm.KubeSkoop, FakeAgent.Event(
            7, "softirq.slow", attributes: "\"netlens.softirq.vector\":\"net_rx\""))
            .ShouldContain("""[{"name":"type","value":"net_rx"}]""");
    }

    [Fact]
    public void Inspectors_have_type_pod_and_ends()
    {
        Print(WatchForm.Inspector, FakeAgent.Event(7, attributes: Tuple)).ShouldBe(
            "INFO TCPRESET_NOSOCK Namespace=shop Pod=web-0 Node=node-1 Netns=4026532314 10.0.0.2:80 -> 10.0.0.9:4711");
        Print(WatchForm.Diag, FakeAgent.Event(7, attributes: Tuple)).ShouldBe(
            $"{Local("12:00:07.123")} TCPRESET_NOSOCK shop/web-0 sent reset");
        Print(WatchForm.Diag, FakeAgent.Event(7, "tcptwrcv.segment", attributes: "\"netlens.netns\":\"5\""))
            .ShouldEndWith(" tcptwrcv.segment ns5 sent reset");
    }
}
