using Collector.Worker.Commands;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Commands;

/// <summary>A misspelt variable is told with the one that was meant, another program's is not mentioned.</summary>
public sealed class VariableHintsTests
{
    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPIONT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")]
    [InlineData("OTEL_SDK_DISABLE", "OTEL_SDK_DISABLED")]
    [InlineData("NETLENS_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    [InlineData("NETLENS_OTLP_HEADER", "OTEL_EXPORTER_OTLP_HEADERS")]
    [InlineData("NETLENS_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE_ATTRIBUTES")]
    [InlineData("NETLENS_HTTP_LISTN", "NETLENS_HTTP_LISTEN")]
    public void A_near_miss_has_a_hint(string variable, string meant) => VariableHints.Of([variable])
        .ShouldHaveSingleItem().ShouldBe($"environment variable {variable} is not read, did you mean '{meant}'?");

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")]
    [InlineData("OTEL_TRACES_EXPORTER")]
    [InlineData("OTEL_BSP_SCHEDULE_DELAY")]
    [InlineData("OTEL_PROPAGATORS")]
    [InlineData("NETLENS_PORT")]
    [InlineData("NETLENS_SERVICE_HOST")]
    [InlineData("PATH")]
    public void What_others_read_has_none(string variable) => VariableHints.Of([variable]).ShouldBeEmpty();

    [Theory]
    [InlineData("KUBESKOOP_POD_NAME", "sidecar")]
    [InlineData("BTF_DOWNLOAD_URL", "ebpf.btf")]
    public void What_only_KubeSkoop_reads_is_told_with_what_there_is_instead(string variable, string instead) =>
        VariableHints.Of([variable]).ShouldHaveSingleItem().ShouldContain(instead);

    [Fact]
    public void What_is_read_has_none()
    {
        OtlpVariables.Known.Count.ShouldBeGreaterThan(30);
        VariableHints.Of(OtlpVariables.Known).ShouldBeEmpty();
        VariableHints.Of(["INSPECTOR_NODENAME", "RUNTIME_SOCK", "NETLENS_PROBES", "NETLENS_CONFIG", "NETLENS_OTLP_MAXREQUESTSIZE"]).ShouldBeEmpty();
    }
}
