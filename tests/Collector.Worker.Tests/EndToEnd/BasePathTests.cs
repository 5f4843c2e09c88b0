using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>
/// http.basePath of a real agent behind a real nginx: one location hands the path on, the other takes it off.
/// </summary>
public sealed partial class BasePathTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    [RequiresRootTheory("nginx")]
    [InlineData("/ops/node-1/")]
    [InlineData("/stripped/")]
    [InlineData("")]
    public void All_is_answered_through_a_proxy_and_without_it(string path)
    {
        using var agent = new AgentProcess(Quick, ("NETLENS_HTTP_BASEPATH", "/ops/node-1"), ("NETLENS_HTTP_SOCKET", ""));
        agent.WaitForLog("first snapshot");
        using var nginx = Before(agent);
        // The same through it and past it: what kubelets, scrapers and commands on the node ask.
        string Get(string rest) => path.Length == 0 ? agent.Get("/" + rest) : nginx.Get(path + rest);
        Get("healthz").ShouldBe("ok\n");
        Get("readyz").ShouldBe("ready\n");
        Get("metrics").ShouldContain("netlens_tcp_");
        Get("findings").ShouldContain("\"findings\"");
        using (var overview = JsonDocument.Parse(Get("api/v1/overview")))
            overview.RootElement.GetProperty("pods").GetArrayLength().ShouldBeGreaterThan(0);

        // Every address of the page, from where a browser finds it.
        var page = Get("");
        var links = Link().Matches(page).Select(m => m.Groups["link"].Value).ToArray();
        links.ShouldContain("metrics");
        links.ShouldContain("status");
        foreach (var link in links)
            Get(WebUtility.HtmlDecode(link)).ShouldNotBeEmpty(link);

        // What the description says of where the API is, from where it was found.
        using var description = JsonDocument.Parse(Get("api/v1/openapi.json"));
        var server = new Uri(new Uri($"http://h/{path.TrimStart('/')}api/v1/openapi.json"),
            description.RootElement.GetProperty("servers")[0].GetProperty("url").GetString()!).AbsolutePath;
        server.ShouldBe($"/{path.TrimStart('/')}api/v1");
        Get($"{server[$"/{path.TrimStart('/')}".Length..]}/metrics").ShouldContain("netlens.tcp.");
    }

    [RequiresRootTheory("nginx")]
    [InlineData("/ops/node-1/")]
    [InlineData("/stripped/")]
    public async Task Streams_come_through_a_proxy_as_they_are_sent(string path)
    {
        using var agent = new AgentProcess(Quick, ("NETLENS_HTTP_BASEPATH", "/ops/node-1"), ("NETLENS_HTTP_SOCKET", ""));
        agent.WaitForLog("first snapshot");
        using var nginx = Before(agent);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        // Two of them: what is held back comes with the end, which there is none of.
        await using var overviews = await nginx.Client.GetStreamAsync(path + "api/v1/stream", limit.Token);
        using var lines = new StreamReader(overviews);
        for (var seen = 0; seen < 2;)
        {
            if (await lines.ReadLineAsync(limit.Token) == "event: overview")
                seen++;
        }
        // The headers are there before an event is.
        using var events = await nginx.Client.GetAsync(
            path + "events?since=0", HttpCompletionOption.ResponseHeadersRead, limit.Token);
        events.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [RequiresRootFact("nginx")]
    public void Without_the_slash_it_leads_to_the_folder()
    {
        using var agent = new AgentProcess(Quick, ("NETLENS_HTTP_BASEPATH", "/ops/node-1/"), ("NETLENS_HTTP_SOCKET", ""));
        agent.WaitForLog("first snapshot");
        using var nginx = Before(agent);
        using var answer = nginx.Client.GetAsync("/ops/node-1?x=1").GetAwaiter().GetResult();
        answer.StatusCode.ShouldBe(HttpStatusCode.Found);
        answer.Headers.Location.ShouldBe(new Uri("node-1/", UriKind.Relative));
        nginx.Get("/ops/node-1/").ShouldContain("Netlens");
        using var other = nginx.Client.GetAsync("/ops/node-10/healthz").GetAwaiter().GetResult();
        other.StatusCode.ShouldBe(HttpStatusCode.NotFound, "another node's");
    }

    [Fact]
    public void Commands_of_the_node_go_on_asking_without_it()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-path-").FullName;
        try
        {
            var config = Path.Combine(folder, "netlens.yaml");
            File.WriteAllText(config, $"http: {{ listen: '127.0.0.1:{FakeBackend.FreePort()}', basePath: /ops/node-1, "
                + $"socket: '' }}\n{Quick}");
            using var agent = new AgentProcess("", $"exec \"$0\" run --config {config}");
            agent.WaitForLog("first snapshot");
            foreach (var command in (string[][])
                [["status"], ["config", "diff"], ["why", "-o", "json"], ["watch", "--for", "1s"]])
            {
                var (code, output, error) = AgentProcess.Run([.. command, "-c", config]);
                // Of why it says whether something was found.
                (command[0] == "why" || code == ExitCodes.Ok).ShouldBeTrue($"{command[0]}: {output}{error}");
                error.ShouldNotContain("no agent");
                error.ShouldNotContain("no running agent");
            }
            // The same agent with another path.
            File.WriteAllText(config, File.ReadAllText(config).Replace("node-1", "node-2", StringComparison.Ordinal));
            for (var i = 0; i < 600 && !Answers(agent, "/ops/node-2/healthz"); i++)
                Thread.Sleep(100);
            Answers(agent, "/ops/node-2/healthz").ShouldBeTrue();
            Answers(agent, "/ops/node-1/healthz").ShouldBeFalse();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Answers(AgentProcess agent, string path)
    {
        using var client = new HttpClient();
        try
        {
            using var answer = client.GetAsync(new Uri(agent.Address, path)).GetAwaiter().GetResult();
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            // For a moment nobody listens: the new server wants the port of the old one.
            return false;
        }
    }

    private static Nginx Before(AgentProcess agent) => new($$"""
        location /ops/ { proxy_pass http://{{agent.Address.Authority}}; }
        location /stripped/ { proxy_pass http://{{agent.Address.Authority}}/; }
        """);

    [GeneratedRegex("(?:href|src)=\"(?<link>(?!events)[^\"]*)\"", RegexOptions.None, 1000)]
    private static partial Regex Link();
}
