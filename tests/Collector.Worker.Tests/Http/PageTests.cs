using System.IO.Compression;
using System.Net;
using System.Text.RegularExpressions;
using Collector.Worker.Http.Page;

namespace Collector.Worker.Tests.Http;

/// <summary>How the page is served; what it does, browsers say (tests/Browser).</summary>
public sealed partial class PageTests
{
    [Fact]
    public async Task The_page_is_escaped_and_loads_nothing_from_elsewhere()
    {
        await using var server = await HttpServerFixture.StartAsync();
        using var response = await server.Client.GetAsync("/");
        response.Headers.GetValues("Content-Security-Policy").Single()
            .ShouldStartWith(PageFile.Document is null ? "default-src 'none'; " : "default-src 'self'; ");
        response.Headers.GetValues("X-Content-Type-Options").Single().ShouldBe("nosniff");
        var page = await response.Content.ReadAsStringAsync();
        page.ShouldContain("1.2.3&lt;&amp;&gt;");
        page.ShouldContain("/metrics</a> in otel naming");
        foreach (var link in PageLink().Matches(page).Select(m => m.Groups["link"].Value))
            link.ShouldMatch("^[a-z][^:]*$", "relative, for it may be below a path of a proxy");
        PageScript().Count(page).ShouldBe(PageFile.Document is null ? 0 : 1);
        using var again = new HttpRequestMessage(HttpMethod.Get, "/");
        again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        (await server.Client.SendAsync(again)).StatusCode.ShouldBe(HttpStatusCode.NotModified);
    }

    [Fact]
    public async Task Files_of_the_page_are_kept_by_who_has_them()
    {
        PageFile.All.Count.ShouldBe(PageFile.Document is null ? 0 : 5, "by a build with npm");
        await using var server = await HttpServerFixture.StartAsync();
        foreach (var file in PageFile.All.Where(static f => f != PageFile.Document))
        {
            using var response = await server.Client.GetAsync("/page/" + file.Name);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            response.Content.Headers.ContentType!.ToString().ShouldBe(file.ContentType);
            response.Headers.CacheControl!.ToString().ShouldContain("max-age=31536000");
            response.Headers.GetValues("X-Content-Type-Options").Single().ShouldBe("nosniff");
            var text = await response.Content.ReadAsStringAsync();
            using var request = new HttpRequestMessage(HttpMethod.Get, "/page/" + file.Name);
            request.Headers.AcceptEncoding.Add(new("gzip"));
            using var packed = await server.Client.SendAsync(request);
            packed.Content.Headers.ContentEncoding.ShouldBe(["gzip"]);
            packed.Headers.ETag.ShouldNotBe(response.Headers.ETag);
            await using var unpacked = new GZipStream(
                await packed.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
            (await new StreamReader(unpacked).ReadToEndAsync()).ShouldBe(text);
            using var again = new HttpRequestMessage(HttpMethod.Get, "/page/" + file.Name);
            again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
            using var unchanged = await server.Client.SendAsync(again);
            unchanged.StatusCode.ShouldBe(HttpStatusCode.NotModified);
            (await unchanged.Content.ReadAsByteArrayAsync()).ShouldBeEmpty();
        }
        foreach (var none in (string[])["none.js", "index.html"])
        {
            using var missing = await server.Client.GetAsync("/page/" + none);
            missing.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task Where_a_token_is_in_force_the_page_is_anybodys_and_tells_nothing()
    {
        await using var server = await HttpServerFixture.StartAsync(guards: new() { Token = new("s3cret") });
        var page = await server.Client.GetStringAsync("/");
        page.ShouldContain("<a href=\"metrics\">");
        page.ShouldNotContain("1.2.3");
        page.ShouldNotContain("naming;");
        foreach (var file in PageFile.All.Where(static f => f != PageFile.Document))
            (await server.Client.GetAsync("/page/" + file.Name)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await server.Client.GetAsync("/findings")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [GeneratedRegex("(?:href|src)=\"(?<link>[^\"]*)\"", RegexOptions.None, 1000)]
    private static partial Regex PageLink();

    [GeneratedRegex("<script", RegexOptions.None, 1000)]
    private static partial Regex PageScript();
}
