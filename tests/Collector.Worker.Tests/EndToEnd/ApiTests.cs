using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>/api/v1 of a real agent, beside what ss and nstat say of real traffic, and of a fault that is caused.</summary>
public sealed class ApiTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    [RequiresRootFact("ss", "nstat")]
    public void A_fault_is_seen_from_the_node_to_the_counter()
    {
        using var ns = new TestNetns();
        var sockets = new List<Socket>();
        using var agent = new AgentProcess(Quick);
        var id = $"n{ns.Inode}";
        // Known by two collections before anything happens: what a counter did since is growth.
        Await(agent, "/api/v1/overview", o => o.GetProperty("window_seconds").ValueKind == JsonValueKind.Number
            && Pod(o, id) is { ValueKind: JsonValueKind.Object });

        var port = Connect(ns, sockets, 4);
        var overview = Await(agent, "/api/v1/overview?window=3600",
            o => Pod(o, id).GetProperty("connections").GetInt64() == Established(ns));
        Established(ns).ShouldBe(8, "four connections, both ends here");
        var pod = Pod(overview, id);
        pod.GetProperty("name").GetString().ShouldBe(ns.Name);
        pod.GetProperty("kind").GetString().ShouldBe("namespace");
        pod.GetProperty("findings").GetInt32().ShouldBe(0);

        var full = Overflow(ns, sockets);
        overview = Await(agent, "/api/v1/overview?window=3600", o => Pod(o, id).GetProperty("findings").GetInt32() > 0
            && Pod(o, id).GetProperty("severity").GetString() == "error");
        // The worst come first; others may be in trouble on this machine, too.
        overview.GetProperty("pods").EnumerateArray().TakeWhile(p => p.GetProperty("id").GetString() != id)
            .Select(p => p.GetProperty("severity").GetString()).ShouldAllBe(s => s == "error");
        overview.GetProperty("findings").EnumerateArray().ShouldContain(f =>
            f.GetProperty("kind").GetString() == "accept-queue-overflow" && f.GetProperty("sentence").GetString()!.Contains(ns.Name));

        // What ss says of the listener's queue: Recv-Q and Send-Q of what listens.
        var detail = Await(agent, $"/api/v1/subjects/{id}", d => Listener(d, full).ValueKind == JsonValueKind.Object
            && d.GetProperty("events").GetArrayLength() > 0);
        var words = ns.Run("ss", "-Hltn", $"sport = :{full}").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var listener = Listener(detail, full);
        listener.GetProperty("queue").GetInt64().ShouldBe(long.Parse(words[1], CultureInfo.InvariantCulture));
        listener.GetProperty("limit").GetInt64().ShouldBe(long.Parse(words[2], CultureInfo.InvariantCulture));
        listener.GetProperty("pid").GetInt32().ShouldBe(Environment.ProcessId);
        listener.GetProperty("limit_origin").GetString().ShouldNotBeNullOrEmpty();
        Listener(detail, port).GetProperty("pid").ValueKind.ShouldBe(JsonValueKind.Null, "nothing happened there");
        detail.GetProperty("findings").GetArrayLength().ShouldBeGreaterThan(0);

        // And the counter, over all that was kept.
        Await(agent, "/api/v1/drops?window=3600", d => Dropped(d, id) == Counted(ns, "TcpExtListenDrops"));
        Counted(ns, "TcpExtListenDrops").ShouldBeGreaterThan(0);
        Await(agent, $"/api/v1/series?metric=netlens.tcpext.listen_drops&subject={id}", s =>
            s.GetProperty("kernel").GetString() == "TcpExt ListenDrops" && s.GetProperty("series").GetArrayLength() == 1);
        var opened = Await(agent, $"/api/v1/series?metric=netlens.tcp.active_opens&subject={id}",
            static s => s.GetProperty("series").GetArrayLength() == 1);
        var times = opened.GetProperty("times").EnumerateArray().Select(t => t.GetInt64()).ToArray();
        times.ShouldBeInOrder();
        opened.GetProperty("series")[0].GetProperty("values").EnumerateArray()
            .Where(v => v.ValueKind == JsonValueKind.Number).Sum(v => v.GetDouble()).ShouldBeGreaterThan(0);
        sockets.ForEach(s => s.Dispose());
    }

    [RequiresRootFact]
    public void An_agent_that_nobody_asks_makes_no_answer()
    {
        var speeds = Directory.GetFileSystemEntries("/sys/class/net").Select(d => Path.GetFileName(d))
            .ToDictionary(d => d, Speed);
        using var agent = new AgentProcess(Quick);
        for (var i = 0; i < 3; i++)
            Figure(agent, "netlens_api_answers_total").ShouldBe(0);
        using (var overview = JsonDocument.Parse(agent.Get("/api/v1/overview")))
        {
            var root = overview.RootElement;
            root.GetProperty("node").GetProperty("kernel").GetString()
                .ShouldBe(File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
            root.GetProperty("agent").GetProperty("memory_bytes").GetInt64().ShouldBeGreaterThan(1 << 20);
            root.GetProperty("checked").GetProperty("observable").GetInt32().ShouldBeGreaterThan(0);
            root.GetProperty("pods").EnumerateArray().ShouldContain(p => p.GetProperty("id").GetString() == "host");
        }
        // Told with the next collection.
        for (var i = 0; i < 100 && Figure(agent, "netlens_api_answers_total") == 0; i++)
            Thread.Sleep(100);
        Figure(agent, "netlens_api_answers_total").ShouldBe(1);
        using var node = JsonDocument.Parse(agent.Get("/api/v1/node"));
        node.RootElement.GetProperty("devices").EnumerateArray().Select(d => d.GetProperty("device").GetString())
            .ShouldContain("lo");
        foreach (var device in node.RootElement.GetProperty("devices").EnumerateArray())
        {
            var speed = device.GetProperty("speed_bps");
            var told = speed.ValueKind == JsonValueKind.Number ? speed.GetInt64() : (long?)null;
            if (device.GetProperty("subject").GetString() != "host")
                told.ShouldBeNull();
            // Not of devices that other tests make and take away.
            else if (speeds.TryGetValue(device.GetProperty("device").GetString()!, out var before)
                && before == Speed(device.GetProperty("device").GetString()!))
                told.ShouldBe(before);
        }
    }

    // As the kernel has it: millions; where the driver does not tell, -1 or EINVAL.
    private static long? Speed(string device)
    {
        var (code, output, _) = AgentProcess.RunInShell($"cat /sys/class/net/{device}/speed");
        return code == 0 && long.Parse(output, CultureInfo.InvariantCulture) is > 0 and var speed ? speed * 1_000_000 : null;
    }

    [RequiresRootFact("ss")]
    public void Where_zeros_are_left_out_a_quiet_namespace_is_shown_with_zeros()
    {
        using var ns = new TestNetns();
        using var agent = new AgentProcess("collection: { interval: 1s, zeros: drop }\nprobes: { slab: off }\n");
        var overview = Await(agent, "/api/v1/overview", o => o.GetProperty("window_seconds").ValueKind == JsonValueKind.Number
            && Pod(o, $"n{ns.Inode}").ValueKind == JsonValueKind.Object);
        var pod = Pod(overview, $"n{ns.Inode}");
        Established(ns).ShouldBe(0);
        pod.GetProperty("connections").GetInt64().ShouldBe(0);
        pod.GetProperty("drops_per_second").GetDouble().ShouldBe(0);
        pod.GetProperty("resets_per_second").GetDouble().ShouldBe(0);
        pod.GetProperty("rtt_p99_ms").ValueKind.ShouldBe(JsonValueKind.Null, "there is no connection to tell of");
        agent.Get("/metrics").Split('\n').ShouldNotContain(
            l => l.StartsWith("netlens_tcp_connection_count{", StringComparison.Ordinal) && l.Contains(ns.Name));

        // What is off is told, apart from what this machine lacks.
        var blind = overview.GetProperty("blind").EnumerateArray().ToArray();
        blind.ShouldContain(b => b.GetProperty("what").GetString() == "probe slab"
            && b.GetProperty("kind").GetString() == "configuration");
        blind.Where(b => b.GetProperty("kind").GetString() == "configuration").ShouldNotContain(
            b => b.GetProperty("what").GetString() == "probe tcp");
    }

    [RequiresRootFact]
    public async Task Two_hundred_pages_are_served_or_told_and_leave_nothing_behind()
    {
        using var agent = new AgentProcess(Quick);
        agent.Get("/api/v1/overview");
        using var client = new HttpClient { BaseAddress = agent.Address, Timeout = TimeSpan.FromMinutes(2) };
        // What comes with the first of them stays.
        await LookAsync(client, 40, static () => Task.CompletedTask);
        await Until(() => Figure(agent, "netlens_api_streams") == 0);
        var (files, memory) = (Files(agent.Id), Resident(agent.Id));

        var served = await LookAsync(client, 200, async () =>
        {
            (await client.GetAsync("/healthz")).StatusCode.ShouldBe(HttpStatusCode.OK);
            (await client.GetAsync("/readyz")).StatusCode.ShouldBe(HttpStatusCode.OK);
            await Until(() => Figure(agent, "netlens_api_streams") == 32);
            Figure(agent, "netlens_api_streams_refused_total").ShouldBeGreaterThanOrEqualTo(168);
        });
        served.ShouldBe(32, "the bound; the others ask now and then");

        await Until(() => Figure(agent, "netlens_api_streams") == 0);
        await Until(() => Files(agent.Id) <= files + 8);
        await Until(() => Resident(agent.Id) <= memory + (24 << 20));
    }

    /// <summary>Opens pages and closes them, once each that has a stream got two updates and the others an answer.</summary>
    /// <returns>How many had a stream.</returns>
    private static async Task<int> LookAsync(HttpClient client, int count, Func<Task> meanwhile)
    {
        var pages = await Task.WhenAll(Enumerable.Range(0, count)
            .Select(_ => client.GetAsync("/api/v1/stream", HttpCompletionOption.ResponseHeadersRead)));
        var streams = pages.Where(static p => p.StatusCode == HttpStatusCode.OK).ToArray();
        var others = pages.Except(streams).ToArray();
        foreach (var page in others)
        {
            page.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            page.Headers.RetryAfter.ShouldNotBeNull();
            (await page.Content.ReadAsStringAsync()).ShouldContain("which is the bound");
        }
        await Task.WhenAll(streams.Select(ReadTwoAsync));
        await Parallel.ForEachAsync(others, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, end) =>
            (await client.GetAsync("/api/v1/overview", end)).StatusCode.ShouldBe(HttpStatusCode.OK));
        await meanwhile();
        foreach (var page in pages)
            page.Dispose();
        return streams.Length;
    }

    private static async Task ReadTwoAsync(HttpResponseMessage page)
    {
        using var lines = new StreamReader(await page.Content.ReadAsStreamAsync(), leaveOpen: true);
        for (var updates = 0; updates < 2;)
        {
            var line = await lines.ReadLineAsync() ?? throw new EndOfStreamException("it was cut");
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("pods").GetArrayLength()
                    .ShouldBeGreaterThan(0);
                updates++;
            }
        }
    }

    private static async Task Until(Func<bool> holds)
    {
        for (var i = 0; i < 240 && !holds(); i++)
            await Task.Delay(250);
        holds().ShouldBeTrue();
    }

    private static int Files(int process) => Directory.GetFiles($"/proc/{process}/fd").Length;

    private static long Resident(int process) => 1024 * long.Parse(
        File.ReadLines($"/proc/{process}/status").Single(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static double Figure(AgentProcess agent, string name) => double.Parse(
        agent.Get("/metrics").Split('\n').Single(l => l.StartsWith(name + ' ', StringComparison.Ordinal)
            || l.StartsWith(name + '{', StringComparison.Ordinal)).Split(' ')[^1],
        CultureInfo.InvariantCulture);

    private static JsonElement Await(AgentProcess agent, string path, Func<JsonElement, bool> match)
    {
        var body = "";
        for (var i = 0; i < 240; i++, Thread.Sleep(250))
        {
            body = agent.Get(path);
            using var json = JsonDocument.Parse(body);
            if (match(json.RootElement))
                return json.RootElement.Clone();
        }
        throw new TimeoutException($"{path}: {body}");
    }

    private static JsonElement Pod(JsonElement overview, string id) =>
        overview.GetProperty("pods").EnumerateArray().FirstOrDefault(p => p.GetProperty("id").GetString() == id);

    private static JsonElement Listener(JsonElement detail, int port) => detail.GetProperty("listeners").EnumerateArray()
        .FirstOrDefault(l => l.GetProperty("port").ValueKind == JsonValueKind.Number && l.GetProperty("port").GetInt32() == port);

    private static long Dropped(JsonElement drops, string id) => drops.GetProperty("drops").EnumerateArray()
        .Where(d => d.GetProperty("subject").GetString() == id && d.GetProperty("reason").GetString() == "ListenDrops")
        .Sum(d => d.GetProperty("packets").GetInt64());

    private static int Established(TestNetns ns) =>
        ns.Run("ss", "-Htn", "state", "established").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    private static long Counted(TestNetns ns, string counter) => (long)double.Parse(
        ns.Run("nstat", "-asz", counter).Split('\n').Single(l => l.StartsWith(counter, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static int Connect(TestNetns ns, List<Socket> sockets, int count) => ns.Inside(() =>
    {
        var listener = Listen(sockets, 16);
        for (var i = 0; i < count; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(listener.LocalEndPoint!);
            sockets.AddRange([client, listener.Accept()]);
        }
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    });

    /// <summary>Fills a listener, and asks for more.</summary>
    private static int Overflow(TestNetns ns, List<Socket> sockets) => ns.Inside(() =>
    {
        var listener = Listen(sockets, 1);
        for (var i = 0; i < 8; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            sockets.Add(client);
            Should.Throw<SocketException>(() => client.Connect(listener.LocalEndPoint!));
        }
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    });

    private static Socket Listen(List<Socket> sockets, int backlog)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sockets.Add(listener);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(backlog);
        return listener;
    }
}
