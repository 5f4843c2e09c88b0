using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Export.Otlp;

/// <summary>Which proxy an endpoint is reached through: the rules of curl and Go.</summary>
public sealed class OtlpProxyTests
{
    [Theory]
    [InlineData("http://c:4318", "http/protobuf", "http_proxy=p:1", "http://p:1 (http_proxy)")]
    [InlineData("http://c:4318", "http/protobuf", "HTTP_PROXY=http://p:1", "http://p:1 (HTTP_PROXY)")]
    [InlineData("http://c:4318", "http/protobuf", "HTTP_PROXY=http://p:1 REQUEST_METHOD=GET", null)]
    [InlineData("http://c:4318", "http/protobuf", "https_proxy=p:1", null)]
    [InlineData("https://c", "http/protobuf", "http_proxy=p:1 HTTPS_PROXY=p:2", "http://p:2 (HTTPS_PROXY)")]
    [InlineData("https://c", "http/protobuf", "https_proxy=https://p HTTPS_PROXY=p:2", "https://p (https_proxy)")]
    [InlineData("https://c", "http/protobuf", "ALL_PROXY=socks5h://p", "socks5://p:1080 (ALL_PROXY)")]
    [InlineData("http://c:4317", "grpc", "http_proxy=p:1", "http://p:1 (http_proxy)")]
    [InlineData("http://c:4317", "grpc", "http_proxy=p:1 https_proxy=p:2", "http://p:2 (https_proxy)")]
    [InlineData("https://c:4317", "grpc", "grpc_proxy=p:3 https_proxy=p:2", "http://p:3 (grpc_proxy)")]
    [InlineData("http://127.0.0.1:4318", "http/protobuf", "http_proxy=p:1", null)]
    [InlineData("http://localhost:4318", "http/protobuf", "http_proxy=p:1", null)]
    [InlineData("http://[::1]:4318", "http/protobuf", "http_proxy=p:1", null)]
    [InlineData("http://c:4318", "http/protobuf", "http_proxy=http://u:s3cret@p:1", "http://p:1 (http_proxy)")]
    public void Each_variable_is_for_its_endpoints(string endpoint, string protocol, string variables, string? proxy)
    {
        var settings = Resolve(endpoint, protocol, variables, out var errors);
        errors.ShouldBeEmpty();
        settings.Proxy?.ToString().ShouldBe(proxy);
        (settings.Proxy is null).ShouldBe(proxy is null);
        settings.ToString().ShouldNotContain("s3cret");
    }

    [Theory]
    [InlineData("*", "http://c.example:4318", true)]
    [InlineData("c.example", "http://c.example:4318", true)]
    [InlineData("c.example", "http://a.b.C.EXAMPLE", true)]
    [InlineData("c.example", "http://xc.example", false)]
    [InlineData(".example", "http://c.example", true)]
    [InlineData("*.example", "http://c.example", true)]
    [InlineData("other, c.example", "http://c.example", true)]
    [InlineData("other c.example", "http://c.example", true)]
    [InlineData("c.example:4318", "http://c.example:4318", true)]
    [InlineData("c.example:4317", "http://c.example:4318", false)]
    [InlineData("10.0.0.0/8", "http://10.1.2.3:4318", true)]
    [InlineData("10.0.0.0/8", "http://11.1.2.3:4318", false)]
    [InlineData("10.1.2.3", "http://10.1.2.3:4318", true)]
    [InlineData("10.1.2.3:1", "http://10.1.2.3:4318", false)]
    [InlineData("fd00::/8", "http://[fd00::1]:4318", true)]
    [InlineData("fd00::1", "http://[fd00:0::1]:4318", true)]
    [InlineData("[fd00::1]:4318", "http://[fd00::1]:4318", true)]
    [InlineData("3", "http://10.1.2.3", false)]
    [InlineData("", "http://c.example", false)]
    [InlineData(" , ,.", "http://c.example", false)]
    public void NO_PROXY_takes_names_networks_and_the_star(string exceptions, string endpoint, bool direct)
    {
        foreach (var name in (string[])["no_proxy", "NO_PROXY"])
        {
            var environment = new Dictionary<string, string> { ["http_proxy"] = "p:1", [name] = exceptions };
            var proxy = OtlpProxy.Find(environment.GetValueOrDefault, new Uri(endpoint), grpc: false, _ => { });
            (proxy is null).ShouldBe(direct);
        }
    }

    [Theory]
    [InlineData("ftp://u:s3cret@p:1")]
    [InlineData("http://u:s3cret@")]
    [InlineData("http://u:s3/cret@p:1")]
    public void What_is_no_proxy_is_an_error_without_its_password(string value)
    {
        Resolve("http://c", "http/protobuf", $"http_proxy={value}", out var errors);
        errors.ShouldHaveSingleItem().ShouldStartWith("http_proxy: not a proxy; allowed: ");
    }

    private static OtlpSignalSettings Resolve(
        string endpoint, string protocol, string variables, out List<string> errors)
    {
        var environment = variables.Split(' ').Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1]);
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol;
        errors = [];
        return OtlpSettings.Resolve(new OtlpOptions(), environment.GetValueOrDefault, errors).Metrics;
    }
}
