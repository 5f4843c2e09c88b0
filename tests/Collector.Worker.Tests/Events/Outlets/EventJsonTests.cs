using System.Net;
using System.Text;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets;
using FsCheck;
using FsCheck.Fluent;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Events.Outlets;

public sealed class EventJsonTests
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    [Fact]
    public void The_line_of_a_full_event() => Lines(Full()).ShouldBe(Joined("""
        {"time":"2026-03-04T12:00:00.123456789Z","observed_time":"2026-03-04T12:00:00.128456789Z",
        "event":"netlens.test.reset","severity":"WARN","message":"reset by peer","attributes":{
        "netlens.scope":"namespace","netlens.netns":"4026532001","k8s.namespace.name":"shop",
        "k8s.pod.name":"web-0","k8s.pod.uid":"uid-1","network.transport":"tcp","network.type":"ipv6",
        "source.address":"2001:db8::1","source.port":40000,"destination.address":"2001:db8::2",
        "destination.port":443,"process.pid":17,"thread.id":18,"thread.name":"nginx",
        "netlens.test.state":"established","netlens.test.errno":-104,
        "code.stacktrace":"tcp_reset+0x10\ntcp_rcv_established+0x2a",
        "netlens.event.held_back":7,"netlens.event.summary":true}}
        """) + "\n");

    [Fact]
    public void The_line_of_an_event_of_which_little_is_known() => Lines(Plain()).ShouldBe(Joined("""
        {"time":"2026-03-04T12:00:00.123456789Z","observed_time":"2026-03-04T12:00:00.123456789Z",
        "event":"netlens.test.reset","severity":"WARN","message":"number 0",
        "attributes":{"netlens.scope":"node"}}
        """) + "\n");

    [Fact]
    public void The_line_of_one_that_is_a_span_too_names_it() =>
        Lines(Plain() with { Trace = new(0xabc, 0x12, 0x34) }).ShouldContain(Joined("""
            "message":"number 0","trace_id":"0000000000000abc0000000000000012","span_id":"0000000000000034",
            "attributes":{
            """));

    [Fact]
    public void The_types_that_others_gave_it_and_its_own_severity_stand_in_the_line()
    {
        var received = new EventInfo
        {
            Name = "netlens.tcpreset.received", Severity = EventSeverity.Warn, Description = "A reset was received.",
            Fields = [new("network.connection.state")],
        };
        var e = Plain() with { Info = received, Fields = ["syn_sent"], Severity = EventSeverity.Error };
        Lines(e).ShouldContain("\"severity\":\"ERROR\"");
        Lines(e).ShouldContain(Joined("""
            "netlens.event.legacy_type":"TCPRESET_RECEIVE","netlens.event.inspector_type":"TCP_RCV_RST_SYN"
            """));
    }

    [Fact]
    public void A_mapped_address_is_IPv4_and_a_protocol_without_ports_has_none()
    {
        var e = Plain() with
        {
            Tuple = new("icmp", IPAddress.Parse("::ffff:192.0.2.1"), 0, IPAddress.Parse("192.0.2.2"), 0),
        };
        Lines(e).ShouldContain(Joined("""
            "network.transport":"icmp","network.type":"ipv4","source.address":"192.0.2.1",
            "destination.address":"192.0.2.2"}}
            """));
    }

    [Theory]
    [InlineData(0, "1970-01-01T00:00:00.000000000Z")]
    [InlineData(1, "1970-01-01T00:00:00.000000001Z")]
    [InlineData(-1, "1969-12-31T23:59:59.999999999Z")]
    [InlineData(1_772_625_600_000_000_099, "2026-03-04T12:00:00.000000099Z")]
    [InlineData(long.MaxValue, "2262-04-11T23:47:16.854775807Z")]
    [InlineData(long.MinValue, "1677-09-21T00:12:43.145224192Z")]
    public void Times_have_all_nine_digits(long time, string expected)
    {
        Span<byte> text = stackalloc byte[30];
        EventJson.Format(time, text);
        Encoding.ASCII.GetString(text).ShouldBe(expected);
    }

    /// <summary>Names of processes and interfaces are bytes that anybody may choose.</summary>
    [Fact]
    public void Any_text_leaves_as_one_line_of_valid_JSON_that_reads_back() => Prop.ForAll(
        Texts().Three().ToArbitrary(), texts =>
        {
            var (message, command, field) = texts;
            var e = Full() with
            {
                Message = message,
                Process = new(1, 2, command),
                Fields = [field, long.MinValue, null],
                Stack = [command, field],
                Subject = new NetNamespace(1, 1, false, 0, new(field, command, message)),
            };

            var line = Lines(e, Plain());

            var lines = line.Split('\n');
            lines.Length.ShouldBe(3);
            lines[2].ShouldBeEmpty();
            line.ShouldAllBe(c => c == '\n' || !char.IsControl(c));
            line.ShouldNotContain('\u2028');
            using var json = JsonDocument.Parse(lines[0]);
            json.RootElement.GetProperty("message").GetString().ShouldBe(Readable(message));
            var attributes = json.RootElement.GetProperty("attributes");
            Text(attributes, "thread.name").ShouldBe(Readable(command));
            Text(attributes, "netlens.test.state").ShouldBe(Readable(field));
            Text(attributes, "netlens.netns.name").ShouldBe(Readable(field));
            attributes.GetProperty("netlens.test.errno").GetInt64().ShouldBe(long.MinValue);
            attributes.EnumerateObject().Select(p => p.Name).ShouldBeUnique();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static Gen<string> Texts() => Gen.OneOf(
        ArbMap.Default.GeneratorFor<string>().Select(t => t ?? ""),
        Gen.Elements(
            "\n", "\r\n", "\0", "\u001b[31m", "\ud800", "\udfff", "\udc00\ud800", "\ud83d", "\ud83d\ude00", "\u2028",
            "\u0085", "\ufeff", "\uffff", "\"", "\\", "\\u0041", "{", "}}", "</script>", "é", "\u007f", "\t")
            .ArrayOf().Select(string.Concat));

    /// <summary>Lone surrogates cannot be written; everything else stays as it is.</summary>
    private static string Readable(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static string Text(JsonElement attributes, string key) =>
        attributes.TryGetProperty(key, out var value) ? value.GetString()! : "";

    private static string Joined(string json) => json.ReplaceLineEndings("");

    private static string Lines(params NetworkEvent[] events)
    {
        using var json = new EventJson();
        json.Write([Full()]); // What came before leaves nothing behind.
        return Strict.GetString(json.Write(events));
    }
}
