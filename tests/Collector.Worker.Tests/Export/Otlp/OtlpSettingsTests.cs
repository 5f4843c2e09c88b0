using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Export.Otlp;

/// <summary>Which variable decides what, and what is said of a bad one.</summary>
public sealed class OtlpSettingsTests
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly List<string> _errors = [];

    [Fact]
    public void Nothing_is_sent_without_an_endpoint()
    {
        var settings = Resolve();

        settings.Metrics.Enabled.ShouldBeFalse();
        settings.Logs.Enabled.ShouldBeFalse();
        settings.Interval.ShouldBe(TimeSpan.Zero);
        settings.Temporality.ShouldBe(OtlpTemporality.Cumulative);
        settings.Metrics.Timeout.ShouldBe(TimeSpan.FromSeconds(10));
        settings.Metrics.Protocol.ShouldBe(OtlpProtocol.HttpProtobuf);
        settings.Metrics.Gzip.ShouldBeTrue();
    }

    [Theory]
    [InlineData("http://c:4318", null, "http://c:4318/v1/metrics")]
    [InlineData("http://c:4318/", null, "http://c:4318/v1/metrics")]
    [InlineData("https://c/base/", "http/protobuf", "https://c/base/v1/metrics")]
    [InlineData("https://c/base?tenant=1", "http/protobuf", "https://c/base/v1/metrics?tenant=1")]
    [InlineData("http://c:4317", "grpc", "http://c:4317/")]
    [InlineData("c:4317", "grpc", "https://c:4317/")]
    [InlineData(" http://[::1]:4318 ", null, "http://[::1]:4318/v1/metrics")]
    public void The_general_endpoint_is_a_base(string endpoint, string? protocol, string expected)
    {
        Set("ENDPOINT", endpoint);
        if (protocol is not null)
            Set("PROTOCOL", protocol);

        Resolve().Metrics.Endpoint.ShouldBe(new Uri(expected));
    }

    [Fact]
    public void The_signals_own_endpoint_is_used_as_it_is()
    {
        Set("ENDPOINT", "http://general:4318");
        Set("METRICS_ENDPOINT", "http://own:8428/opentelemetry/v1/metrics");

        var settings = Resolve();

        settings.Metrics.Endpoint.ShouldBe(new Uri("http://own:8428/opentelemetry/v1/metrics"));
        settings.Logs.Endpoint.ShouldBe(new Uri("http://general:4318/v1/logs"));
    }

    [Fact]
    public void One_signals_endpoint_switches_only_that_signal_on()
    {
        Set("LOGS_ENDPOINT", "http://own:4318/v1/logs");

        var settings = Resolve();

        settings.Metrics.Enabled.ShouldBeFalse();
        settings.Logs.Enabled.ShouldBeTrue();
    }

    [Fact]
    public void Traces_are_off_unless_spans_are_asked_for_and_then_go_by_their_own_variables()
    {
        Set("ENDPOINT", "http://general:4318");
        Set("TRACES_TIMEOUT", "1500");
        Resolve().Traces.Enabled.ShouldBeFalse();
        Resolve().Warnings.ShouldBeEmpty();

        Traces().Traces.Endpoint.ShouldBe(new Uri("http://general:4318/v1/traces"));
        Traces().Traces.Timeout.ShouldBe(TimeSpan.FromSeconds(1.5));
        Traces().Warnings.ShouldBeEmpty();
        Set("TRACES_ENDPOINT", "http://tempo:4318/x");
        Traces().Traces.Endpoint.ShouldBe(new Uri("http://tempo:4318/x"));
        Traces().Logs.Endpoint.ShouldBe(new Uri("http://general:4318/v1/logs"));
        _environment["OTEL_TRACES_EXPORTER"] = "none";
        Traces().Traces.Enabled.ShouldBeFalse();
        Traces().Warnings.ShouldHaveSingleItem()
            .ShouldBe("events.spans is on, but traces have no OTLP endpoint: no spans are sent");
        Resolve().Warnings.ShouldBeEmpty();
        _errors.ShouldBeEmpty();

        Set("TRACES_TIMEOUT", "soon");
        Resolve();
        _errors.ShouldBeEmpty();
        Traces();
        _errors.ShouldHaveSingleItem().ShouldStartWith("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'soon' is not allowed");

        OtlpSettings Traces() => OtlpSettings.Resolve(
            new AgentOptions { Events = new() { Spans = true } }, _environment.GetValueOrDefault, _errors);
    }

    [Fact]
    public void Insecure_tells_the_scheme_of_a_grpc_endpoint_without_one()
    {
        Set("PROTOCOL", "grpc");
        Set("ENDPOINT", "c:4317");
        Set("INSECURE", "true");
        Set("LOGS_INSECURE", "false");

        Resolve().Metrics.Endpoint.ShouldBe(new Uri("http://c:4317"));
        Resolve().Logs.Endpoint.ShouldBe(new Uri("https://c:4317"));
    }

    [Fact]
    public void A_signals_own_variable_goes_before_the_general_one_and_that_before_the_file()
    {
        var file = new OtlpOptions
        {
            Endpoint = new Uri("http://file:4317"),
            Protocol = OtlpProtocol.Grpc,
            Timeout = TimeSpan.FromSeconds(3),
            Gzip = true,
            Headers = new Dictionary<string, string> { ["from"] = "file" },
            Certificate = "/file.pem",
            ClientCertificate = "/file-client.pem",
            ClientKey = "/file-client.key",
            Temporality = OtlpTemporality.Delta,
            Interval = TimeSpan.FromSeconds(60),
        };
        var ofFile = Resolve(file);
        Set("HEADERS", "from=general,b=x%3Dy%2Cz , c=");
        Set("LOGS_HEADERS", "from=logs");
        Set("COMPRESSION", "none");
        Set("METRICS_COMPRESSION", "gzip");
        Set("TIMEOUT", "5000");
        Set("LOGS_TIMEOUT", "250");
        Set("PROTOCOL", "http/protobuf");
        Set("LOGS_PROTOCOL", "grpc");
        Set("CERTIFICATE", "/general.pem");
        Set("METRICS_CLIENT_CERTIFICATE", "/metrics.pem");
        Set("LOGS_CLIENT_KEY", "/logs.key");
        Set("METRICS_TEMPORALITY_PREFERENCE", "LowMemory");
        _environment["OTEL_METRIC_EXPORT_INTERVAL"] = "30000";
        var settings = Resolve(file);

        ofFile.Metrics.Endpoint.ShouldBe(new Uri("http://file:4317"));
        ofFile.Metrics.Headers.ShouldBe([new("from", "file")]);
        ofFile.Temporality.ShouldBe(OtlpTemporality.Delta);
        ofFile.Interval.ShouldBe(TimeSpan.FromSeconds(60));
        settings.Metrics.Endpoint.ShouldBe(new Uri("http://file:4317/v1/metrics"));
        settings.Logs.Endpoint.ShouldBe(new Uri("http://file:4317"));
        settings.Metrics.Headers.ShouldBe([new("from", "general"), new("b", "x=y,z"), new("c", "")]);
        settings.Logs.Headers.ShouldBe([new("from", "logs")]);
        (settings.Metrics.Gzip, settings.Logs.Gzip).ShouldBe((true, false));
        settings.Metrics.Timeout.ShouldBe(TimeSpan.FromSeconds(5));
        settings.Logs.Timeout.ShouldBe(TimeSpan.FromMilliseconds(250));
        settings.Metrics.Certificate.ShouldBe("/general.pem");
        settings.Metrics.ClientCertificate.ShouldBe("/metrics.pem");
        settings.Metrics.ClientKey.ShouldBe("/file-client.key");
        settings.Logs.ClientKey.ShouldBe("/logs.key");
        settings.Temporality.ShouldBe(OtlpTemporality.LowMemory);
        settings.Interval.ShouldBe(TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("OTEL_SDK_DISABLED", "TRUE", false, false)]
    [InlineData("OTEL_SDK_DISABLED", "false", true, true)]
    [InlineData("OTEL_METRICS_EXPORTER", "none", false, true)]
    [InlineData("OTEL_LOGS_EXPORTER", "none", true, false)]
    [InlineData("OTEL_LOGS_EXPORTER", "otlp", true, true)]
    [InlineData("OTEL_LOGS_EXPORTER", "", true, true)]
    public void Signals_can_be_switched_off(string name, string value, bool metrics, bool logs)
    {
        Set("ENDPOINT", "http://c:4318");
        _environment[name] = value;

        var settings = Resolve();

        (settings.Metrics.Enabled, settings.Logs.Enabled).ShouldBe((metrics, logs));
    }

    [Fact]
    public void Names_and_attributes_of_the_resource_are_read()
    {
        _environment["OTEL_SERVICE_NAME"] = "edge";
        _environment["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=a%20b,team=net";

        var settings = Resolve();

        settings.ServiceName.ShouldBe("edge");
        settings.ResourceAttributes.ShouldBe([new("deployment.environment.name", "a b"), new("team", "net")]);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "grpc, http/protobuf")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "udp", "grpc, http/protobuf")]
    [InlineData("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip, none")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "whole milliseconds")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0", "whole milliseconds")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "http://HOST:PORT")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector", "http:// and https://")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://me:secret@collector", "Authorization")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "secret", "KEY=VALUE")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "bad key=secret", "bad key")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "key=secret%0d%0ax", "key")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "daily", "cumulative, delta, lowmemory")]
    [InlineData("OTEL_METRIC_EXPORT_INTERVAL", "-1", "whole milliseconds")]
    [InlineData("OTEL_METRICS_EXPORTER", "prometheus", "otlp, none")]
    [InlineData("OTEL_RESOURCE_ATTRIBUTES", "a=b,=c", "KEY=VALUE")]
    public void A_bad_value_gives_one_line_with_the_name_and_what_is_allowed(string name, string value, string allowed)
    {
        _environment[name] = value;

        Resolve();

        var error = _errors.ShouldHaveSingleItem();
        error.ShouldStartWith(name + ":");
        error.ShouldContain(allowed);
        error.ShouldNotContain("secret");
    }

    [Fact]
    public void All_bad_values_are_told_at_once()
    {
        Set("PROTOCOL", "http/json");
        Set("TIMEOUT", "soon");
        _environment["OTEL_LOGS_EXPORTER"] = "console";

        Resolve(new OtlpOptions { Headers = new Dictionary<string, string> { ["a b"] = "c" } });

        _errors.Count.ShouldBe(4);
    }

    [Fact]
    public void What_is_odd_but_possible_is_a_warning()
    {
        Set("METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram");
        Set("LOGS_ENDPOINT", "http://c:4317");
        _environment["OTEL_SDK_DISABLED"] = "yes";

        var warnings = Resolve().Warnings;

        _errors.ShouldBeEmpty();
        warnings.Count.ShouldBe(3);
        warnings.ShouldContain(w => w.Contains("explicit_bucket_histogram"));
        warnings.ShouldContain(w => w.Contains("OTEL_EXPORTER_OTLP_PROTOCOL=grpc"));
        warnings.ShouldContain(w => w.StartsWith("OTEL_SDK_DISABLED"));
    }

    [Fact]
    public void Printed_settings_hold_no_secret()
    {
        Set("ENDPOINT", "http://c:4318?token=secret");
        Set("HEADERS", "authorization=secret");

        $"{Resolve().Metrics}".ShouldBe("http://c:4318/v1/metrics (HttpProtobuf)");
    }

    /// <summary>Found by the fuzzers.</summary>
    [Fact]
    public void A_bad_value_is_shown_on_one_line_and_not_whole()
    {
        var bad = "zi\np\u001b[31m" + new string('x', 10_000);
        Set("METRICS_COMPRESSION", bad);
        Set("METRICS_HEADERS", $"{bad}=x");
        Resolve();
        _errors.Count.ShouldBe(2);
        _errors.ShouldAllBe(e => e.Length < 300 && !e.Any(char.IsControl));
    }

    private void Set(string name, string value) => _environment["OTEL_EXPORTER_OTLP_" + name] = value;

    private OtlpSettings Resolve(OtlpOptions? file = null) =>
        OtlpSettings.Resolve(file ?? new OtlpOptions(), _environment.GetValueOrDefault, _errors);
}
