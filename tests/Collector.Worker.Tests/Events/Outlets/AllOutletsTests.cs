using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Events.Outlets;

/// <summary>What is said of where events go.</summary>
public sealed class AllOutletsTests
{
    private readonly Dictionary<string, string> _environment = [];

    [Fact]
    public void Each_outlet_that_is_asked_for_says_where_events_go_and_no_other()
    {
        Goes(new() { Enabled = false, Json = "stdout" })
            .ShouldBe("events are off (events.enabled): what probes see is only counted");
        Goes(new() { Json = "stdout" }).ShouldBe("events go as JSON lines to standard output; nowhere else");
        Goes(new() { Json = "/var/log/events" }).ShouldBe("events go as JSON lines to /var/log/events; nowhere else");
        Goes(new() { Spans = true }).ShouldEndWith("see events.json, events.otlp and otlp.endpoint");
        _environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://c:4318";
        Goes(new()).ShouldBe("events go as OTLP log records to http://c:4318/v1/logs (HttpProtobuf); nowhere else");
        Goes(new() { Otlp = false, Spans = true, Json = "stdout" }).ShouldBe(
            "events go as OTLP spans of what took time to http://c:4318/v1/traces (HttpProtobuf); "
            + "as JSON lines to standard output; nowhere else");
    }

    private string Goes(EventOptions events)
    {
        var options = new AgentOptions { Events = events };
        var otlp = OtlpSettings.Resolve(options, _environment.GetValueOrDefault, []);
        return AllOutlets.Goes(new(options, otlp, null, "1"));
    }
}
