using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;
using Collector.Worker.Http.Api;
using Collector.Worker.Tests.Export.Prometheus;
using Microsoft.AspNetCore.Routing;

namespace Collector.Worker.Tests.Http;

public sealed class HttpEndpointsTests
{
    [Fact]
    public async Task The_page_is_the_newest_snapshot_in_the_format_asked_for()
    {
        await using var server = await HttpServerFixture.StartAsync();
        var snapshot = server.Node.CollectGolden();

        using var text = await server.Client.GetAsync("/metrics");
        text.Content.Headers.ContentType!.ToString().ShouldBe("text/plain; version=0.0.4; charset=utf-8");
        (await text.Content.ReadAsStringAsync()).ShouldBe(PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel));
        text.Headers.Vary.ShouldBe(["Accept", "Accept-Encoding"]);
        text.Headers.Contains("Server").ShouldBeFalse();

        using var open = await Get(server, "/metrics", "application/openmetrics-text;version=1.0.0");
        open.Content.Headers.ContentType!.ToString()
            .ShouldBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
        (await open.Content.ReadAsStringAsync())
            .ShouldBe(PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel, PrometheusFormat.OpenMetrics));

        server.Http.Statistics.Scrapes.ShouldBe(2);
        server.Http.Statistics.Bytes.ShouldBeGreaterThan(text.Content.Headers.ContentLength!.Value);
        server.Http.Statistics.LastSeries.ShouldBe(7);
    }

    [Theory]
    [InlineData("/metrics?naming=kubeskoop", MetricNaming.KubeSkoop)]
    [InlineData("/metrics?naming=INSPECTOR", MetricNaming.Inspector)]
    [InlineData("/metrics", MetricNaming.Inspector)]
    public async Task The_naming_is_the_configured_one_unless_asked_otherwise(string path, MetricNaming expected)
    {
        await using var server = await HttpServerFixture.StartAsync(naming: MetricNaming.Inspector);
        var snapshot = server.Node.CollectGolden();
        using var response = await Get(server, path, "application/openmetrics-text");
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        (await response.Content.ReadAsStringAsync()).ShouldBe(PrometheusSnapshotFixture.Page(snapshot, expected));
    }

    [Theory]
    [InlineData("/metrics?naming=nodeexporter", "naming must be one of otel, kubeskoop, inspector\n")]
    [InlineData("/metrics?naming=", "naming must be one of otel, kubeskoop, inspector\n")]
    [InlineData("/metrics?naming=0", "naming must be one of otel, kubeskoop, inspector\n")]
    [InlineData("/metrics?naming=otel&naming=inspector", "naming must be one of otel, kubeskoop, inspector\n")]
    [InlineData("/metrics?created=1", "created must be true or false\n")]
    [InlineData("/findings?ledger=", "ledger must be node, host, namespace/pod, or the inode or name of a network namespace; "
        + "'' is not\n")]
    [InlineData("/findings?ledger=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "ledger must be given 16 times at most\n")]
    [InlineData("/findings?since=2h", "since must be a duration up to 1h, such as 10m; '2h' is not\n")]
    public async Task A_bad_question_is_answered_with_what_is_allowed(string path, string message)
    {
        await using var server = await HttpServerFixture.StartAsync();
        server.Node.CollectGolden();
        using var response = await server.Client.GetAsync(path);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await response.Content.ReadAsStringAsync()).ShouldBe(message);
    }

    [Fact]
    public async Task Created_samples_come_only_when_asked_for()
    {
        await using var server = await HttpServerFixture.StartAsync();
        server.Node.CollectGolden();
        using var without = await Get(server, "/metrics", "application/openmetrics-text");
        (await without.Content.ReadAsStringAsync()).ShouldNotContain("_created");
        using var with = await Get(server, "/metrics?created=true", "application/openmetrics-text");
        (await with.Content.ReadAsStringAsync()).ShouldContain("netlens_softnet_processed_created{");
    }

    [Fact]
    public async Task Gzip_unpacks_to_the_same_page()
    {
        await using var server = await HttpServerFixture.StartAsync();
        var snapshot = server.Node.CollectGolden();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip", 0.5));
        using var response = await server.Client.SendAsync(request);
        response.Content.Headers.ContentEncoding.ShouldBe(["gzip"]);
        await using var packed = new GZipStream(await response.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        (await new StreamReader(packed).ReadToEndAsync())
            .ShouldBe(PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel));
    }

    [Fact]
    public async Task Head_has_the_headers_and_no_body()
    {
        await using var server = await HttpServerFixture.StartAsync();
        server.Node.CollectGolden();
        foreach (var path in (string[])["/", "/metrics", "/healthz", "/readyz"])
        {
            using var response = await server.Client.SendAsync(new(HttpMethod.Head, path));
            response.StatusCode.ShouldBe(HttpStatusCode.OK, path);
            (await response.Content.ReadAsByteArrayAsync()).ShouldBeEmpty(path);
        }
    }

    [Fact]
    public async Task Before_the_first_snapshot_it_says_so()
    {
        await using var server = await HttpServerFixture.StartAsync();
        foreach (var path in (string[])["/metrics", "/readyz"])
        {
            using var response = await server.Client.GetAsync(path);
            response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            (await response.Content.ReadAsStringAsync())
                .ShouldBe("no snapshot yet: the first collection is under way\n");
        }
        server.Http.Statistics.Unready.ShouldBe(1);
        (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
    }

    [Theory]
    [InlineData(15, 45)]
    [InlineData(1, 10)]
    public async Task Ready_ends_when_the_snapshot_is_older_than_three_intervals_and_ten_seconds(int interval, int limit)
    {
        await using var server = await HttpServerFixture.StartAsync(interval: TimeSpan.FromSeconds(interval));
        server.Node.CollectGolden();
        server.Node.Time.Now += TimeSpan.FromSeconds(limit);
        (await server.Client.GetStringAsync("/readyz")).ShouldBe("ready\n");
        server.Node.Time.Now += TimeSpan.FromSeconds(1);
        using var response = await server.Client.GetAsync("/readyz");
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldBe(
            $"the last snapshot is {limit + 1} s old; {limit} s is the limit\n");
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    public async Task Ready_does_not_mind_a_clock_that_is_set(int seconds)
    {
        await using var server = await HttpServerFixture.StartAsync();
        server.Node.CollectGolden();
        server.Node.Time.Step = TimeSpan.FromSeconds(seconds);
        (await server.Client.GetStringAsync("/readyz")).ShouldBe("ready\n");
        server.Node.Time.Now += TimeSpan.FromSeconds(46);
        using var response = await server.Client.GetAsync("/readyz");
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task A_thread_that_ended_makes_the_agent_unready_and_not_dead()
    {
        await using var server = await HttpServerFixture.StartAsync(fault: "the thread that reads events ended: EBADF");
        server.Node.CollectGolden();
        using var response = await server.Client.GetAsync("/readyz");
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldBe("the thread that reads events ended: EBADF\n");
        (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
    }

    [Fact]
    public async Task A_collection_that_hangs_makes_the_agent_dead()
    {
        var alive = true;
        await using var server = await HttpServerFixture.StartAsync(alive: () => alive);
        (await server.Client.GetStringAsync("/healthz")).ShouldBe("ok\n");
        alive = false;
        using var response = await server.Client.GetAsync("/healthz");
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldBe("the collection does not come round\n");
    }

    [Theory]
    [InlineData("")]
    [InlineData("somebody's")]
    public async Task A_file_where_the_socket_should_be_stays(string content)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, content);
            var failure = await Should.ThrowAsync<HttpListenException>(
                () => HttpServerFixture.StartAsync("unix:" + path));
            failure.Message.ShouldStartWith($"cannot listen on unix:{path}: ");
            File.ReadAllText(path).ShouldBe(content);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_foreign_host_name_is_refused_on_loopback_only()
    {
        await using var local = await HttpServerFixture.StartAsync();
        (await local.RawAsync("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
            .ShouldStartWith("HTTP/1.1 421 ");
        await using var open = await HttpServerFixture.StartAsync("0.0.0.0:0", guards: new() { Insecure = true });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{open.Address.Port}/healthz");
        request.Headers.Host = "node-1.example";
        using var response = await open.Client.SendAsync(request);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_port_in_use_is_one_clear_line()
    {
        await using var first = await HttpServerFixture.StartAsync();
        var listen = $"127.0.0.1:{first.Address.Port}";
        var failure = await Should.ThrowAsync<HttpListenException>(() => HttpServerFixture.StartAsync(listen));
        failure.Message.ShouldBe($"cannot listen on {listen}: already in use by another process");
    }

    [Fact]
    public async Task An_address_of_another_machine_is_one_clear_line()
    {
        // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
        var failure = await Should.ThrowAsync<HttpListenException>(
            () => HttpServerFixture.StartAsync("192.0.2.1:9102"));
        failure.Message.ShouldBe("cannot listen on 192.0.2.1:9102: this machine has no such address");
    }

    [Fact]
    public async Task A_unix_socket_works_and_a_dead_one_is_replaced()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-http-").FullName;
        var path = Path.Combine(folder, "http.sock");
        try
        {
            LeaveDeadSocket(path);
            await using var server = await HttpServerFixture.StartAsync("unix:" + path);
            using var client = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellation) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            });
            (await client.GetStringAsync("http://any.name/healthz")).ShouldBe("ok\n");
            var failure = await Should.ThrowAsync<HttpListenException>(
                () => HttpServerFixture.StartAsync("unix:" + path));
            failure.Message.ShouldBe($"cannot listen on unix:{path}: already in use by another process");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("/netlens", "/netlens/healthz", 200)]
    [InlineData("/netlens", "/healthz", 200)]
    [InlineData("/netlens/", "/netlens/healthz", 200)]
    [InlineData("/a/b-1/c.d~_", "/a/b-1/c.d~_/healthz", 200)]
    [InlineData("/netlens", "/netlens/metrics?naming=x", 400)]
    [InlineData("/netlens", "/netlens2/healthz", 404)]
    [InlineData("/netlens", "/NETLENS/healthz", 404)]
    [InlineData("/netlens", "/netlens/netlens/healthz", 404)]
    [InlineData("/netlens", "/netlens", 302)]
    [InlineData("/", "/healthz", 200)]
    [InlineData("", "/netlens/healthz", 404)]
    public async Task Below_the_base_path_is_what_is_without_it(string basePath, string path, int status)
    {
        TextChecks.BasePath(basePath).ShouldBe("");
        await using var server = await HttpServerFixture.StartAsync(guards: new() { BasePath = basePath });
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var answer = await client.GetAsync(new Uri(server.Address, path));
        ((int)answer.StatusCode).ShouldBe(status);
    }

    [Fact]
    public async Task The_base_path_is_no_way_around_the_token()
    {
        await using var server = await HttpServerFixture.StartAsync(
            guards: new() { BasePath = "/netlens", Token = new("s3cret") });
        foreach (var path in (string[])["/netlens/metrics", "/netlens/none", "/netlens//metrics", "/netlens/%2e%2e/metrics"])
            (await server.Client.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, path);
        (await server.Client.GetAsync("/netlens/healthz")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await server.Client.GetAsync("/netlens/")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task No_base_path_hides_a_path_of_the_agent()
    {
        var paths = new List<string>();
        await using var server = await HttpServerFixture.StartAsync(also: app => paths.AddRange(
            ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
                .Select(e => e.RoutePattern.RawText!.Trim('/').Split('/')[0])));
        paths.ShouldContain("metrics");
        foreach (var path in paths.Append(ApiEndpoints.Root.Trim('/').Split('/')[0]).Where(p => p.Length > 0).Distinct())
            TextChecks.BasePath($"/{path}/x").ShouldContain("a path of the agent's own", customMessage: path);
    }

    /// <summary>What a killed process leaves: .NET itself removes the file when it closes a bound socket.</summary>
    private static void LeaveDeadSocket(string path)
    {
        var other = path + ".moved";
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.Move(path, other);
        }
        File.Move(other, path);
        File.Exists(path).ShouldBeTrue();
    }

    private static async Task<HttpResponseMessage> Get(HttpServerFixture server, string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return await server.Client.SendAsync(request);
    }
}
