using Collector.Worker.Configuration;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

/// <summary>Wherever a URL or a header is told, no part of it that may be a secret is.</summary>
public sealed class RedactedTests
{
    [Theory]
    [InlineData("http://c:4318", "http://c:4318/")]
    [InlineData("http://vm:8428/opentelemetry/v1/metrics", "http://vm:8428/opentelemetry/v1/metrics")]
    [InlineData("http://arms.example/adapt_x@1_s3cret@2/api/otlp/metrics", "http://arms.example/***/api/otlp/metrics")]
    [InlineData("https://user:s3cret@c/v1/metrics", "https://***@c/v1/metrics")]
    [InlineData("https://c/v1/metrics?token=s3cret#s3cret", "https://c/v1/metrics")]
    [InlineData("htp://user:s3cret@host", "htp://***@host/")]
    [InlineData("htp://user:s3/c@ret@host:1/x", "htp://***@host:1/***")]
    [InlineData("user:s3cret@host", "***@host")]
    [InlineData("c:4318", "c:4318")]
    [InlineData("http://[::1]:4318/s3cret", "http://[::1]:4318/***")]
    public void What_may_be_shown_of_a_URL(string url, string shown) => Redacted.Url(url).ShouldBe(shown);

    [Theory]
    [InlineData("otlp: {endpoint: 'htp://user:s3cret@host'}")]
    [InlineData("otlp: {endpoint: 'http://user:s3cret@host'}")]
    [InlineData("otlp: {endpoint: 'http://host:99999/s3cret'}")]
    [InlineData("otlp: {endpoint: 'user:s3cret@host/s3cret'}")]
    [InlineData("otlp: {endpoint: 'http://host/?s3cret'}")]
    [InlineData("otlp: {headers: {'authorization: s3cret': x}}")]
    [InlineData("otlp: {headers: {authorization: \"s3cret\\n\"}}")]
    [InlineData("otlp: {headers: 'authorization=s3cret'}")]
    public void No_error_has_a_secret(string yaml)
    {
        var result = Load(yaml);
        result.Errors.ShouldHaveSingleItem().ToString().ShouldNotContain("s3cret");
    }

    [Fact]
    public void A_printed_configuration_has_no_token_of_a_path()
    {
        var page = ConfigurationPrinter.Print(Load("otlp: {endpoint: http://arms/s3cret/api/otlp}"), Catalogue);
        page.ShouldContain("  # endpoint: http://arms/***/api/otlp, less ***  # f.yaml:1\n");
        page.ShouldNotContain("s3cret");
        Load(page).Errors.ShouldBeEmpty();
    }
}
