using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Http.Api;

namespace Collector.Worker.Tests.Http;

/// <summary>The description of the API, and docs/api.md.</summary>
public sealed class ApiDocsTests
{
    private static readonly string Description =
        Path.Combine(Repository.Root, "src", "Collector.Worker", "Http", "Api", "openapi.json");

    [Fact]
    public void Openapi_json_says_what_the_types_say()
    {
        var expected = OpenApiDocument.Make();
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(Description, expected);
        File.ReadAllText(Description).ShouldBe(expected, $"UPDATE_DOCS=1 ./test Docs rewrites {Description}");
    }

    [Fact]
    public void It_can_be_read_by_whoever_knows_openapi()
    {
        using var document = JsonDocument.Parse(OpenApiDocument.Make());
        document.RootElement.GetProperty("openapi").GetString().ShouldBe("3.1.0");
        var paths = document.RootElement.GetProperty("paths");
        paths.EnumerateObject().Select(p => p.Name)
            .ShouldBe(OpenApiDocument.Paths.Select(p => p.Path));
        // As it is asked for, and below a path of a proxy.
        foreach (var place in (string[])["http://h", "https://h/node-1"])
        {
            new Uri(new Uri($"{place}{ApiEndpoints.Root}/openapi.json"),
                document.RootElement.GetProperty("servers")[0].GetProperty("url").GetString()!)
                .ShouldBe(new Uri(place + ApiEndpoints.Root));
        }
        var overview = paths.GetProperty("/overview").GetProperty("get").GetProperty("responses")
            .GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("schema");
        var pod = overview.GetProperty("properties").GetProperty("pods").GetProperty("items").GetProperty("properties");
        // Unknown is null, and the schema says so.
        pod.GetProperty("rtt_p50_ms").GetProperty("type").EnumerateArray().Select(t => t.GetString())
            .ShouldBe(["number", "null"]);
        pod.GetProperty("id").GetProperty("type").GetString().ShouldBe("string");
        foreach (var path in OpenApiDocument.Paths)
        {
            foreach (var parameter in path.Parameters.Where(p => p.In == "path"))
                path.Path.ShouldContain($"{{{parameter.Name}}}");
        }
    }

    [Fact]
    public void Docs_name_every_path_and_parameter()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "api.md"));
        foreach (var path in OpenApiDocument.Paths)
        {
            page.ShouldContain($"`{ApiEndpoints.Root}{path.Path}");
            foreach (var parameter in path.Parameters.Where(p => p.In == "query"))
                page.ShouldContain($"`{parameter.Name}");
        }
    }
}
