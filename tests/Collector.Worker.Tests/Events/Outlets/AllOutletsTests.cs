using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Recorder;

namespace Collector.Worker.Tests.Events.Outlets;

/// <summary>What is said of where events go.</summary>
public sealed class AllOutletsTests
{
    private readonly Dictionary<string, string> _environment = [];

    [Fact]
    public void Each_outlet_that_is_asked_for_says_where_events_go_and_no_other()
    {
        const string Nowhere = "events go nowhere (see events.json, events.otlp and otlp.endpoint)";
        Goes(new() { Enabled = false, Json = "stdout" })
            .ShouldBe("events are off (events.enabled): what probes see is only counted");
        Goes(new() { Recent = 0, Spans = true }).ShouldBe(Nowhere);
        Goes(new() { Recent = 10 })
            .ShouldBe($"{Nowhere}; the last 10 are kept for `netlens watch` and GET /events");
        Goes(new() { Recent = 0, Json = "/x" }).ShouldBe("events go as JSON lines to /x; nowhere else");
        Goes(new() { Recent = 10, Json = "stdout" }).ShouldBe("events go as JSON lines to standard output; "
            + "nowhere else; the last 10 are kept for `netlens watch` and GET /events");
        _environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://c:4318";
        Goes(new() { Recent = 0 })
            .ShouldBe("events go as OTLP log records to http://c:4318/v1/logs (HttpProtobuf); nowhere else");
        Goes(new() { Recent = 0, Otlp = false, Spans = true, Json = "stdout" }).ShouldBe(
            "events go as OTLP spans of what took time to http://c:4318/v1/traces (HttpProtobuf); "
            + "as JSON lines to standard output; nowhere else");
    }

    private string Goes(EventOptions events)
    {
        var options = new AgentOptions { Events = events };
        var otlp = OtlpSettings.Resolve(options, _environment.GetValueOrDefault, []);
        return AllOutlets.Goes(new(options, otlp, null, "1", new EventRing()));
    }
}
