using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Tests.Hosting;
using Loki.Push;

namespace Backends.Tests;

/// <summary>Events at a receiver that implements Loki's documented push API, decoded with messages of its own.</summary>
public sealed class LokiTests : IDisposable
{
    private const long Time = 1_772_625_600_123_456_789;

    private static readonly EventInfo Kind = new()
    {
        Name = "netlens.test.reset",
        Severity = EventSeverity.Warn,
        Description = "A connection was reset.",
        Fields = [new("netlens.test.errno")],
    };

    /// <summary>One that KubeSkoop has a type for.</summary>
    private static readonly EventInfo Reset = new()
    {
        Name = "netlens.tcpreset.sent",
        Severity = EventSeverity.Warn,
        Description = "A reset was sent.",
        Fields = [new("netlens.reset.origin"), new("netlens.test.errno")],
    };

    private readonly LogList<object> _log = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-loki-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task An_event_is_a_line_with_its_attributes_as_structured_metadata()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Status = 204 });
        using var outlet = Outlet(receiver, new()
        {
            Tenant = "team-a",
            Labels = "cluster=a\"b\\c,zone=x=y",
        });

        outlet.Write([Full()], CancellationToken.None).ShouldBe(1);

        var received = await receiver.TakeAsync();
        received.Path.ShouldBe("/loki/api/v1/push");
        received.Headers["Content-Type"].ShouldBe("application/x-protobuf");
        received.Headers.ShouldNotContainKey("Content-Encoding");
        received.Headers["X-Scope-OrgID"].ShouldBe("team-a");
        received.Headers.ShouldNotContainKey("Authorization");
        var stream = Decode(received).Streams.ShouldHaveSingleItem();
        stream.Labels.ShouldBe(
            """{service_name="netlens", k8s_node_name="node-1", cluster="a\"b\\c", zone="x=y"}""");
        var entry = stream.Entries.ShouldHaveSingleItem();
        entry.Line.ShouldBe("reset {by} peer");
        (entry.Timestamp.Seconds, entry.Timestamp.Nanos).ShouldBe((Time / 1_000_000_000, 123_456_789));
        entry.StructuredMetadata.Select(m => $"{m.Name}={m.Value}").ShouldBe(
        [
            "event_name=netlens.tcpreset.sent", "level=warn", "netlens_scope=namespace", "netlens_netns=4026532001",
            "netlens_netns_name=blue", "k8s_namespace_name=shop", "k8s_pod_name=web-0", "network_transport=tcp",
            "network_type=ipv4", "source_address=192.0.2.1", "source_port=40000", "destination_address=198.51.100.2",
            "destination_port=443", "netlens_reset_origin=no_socket", "netlens_test_errno=-104",
            "netlens_event_legacy_type=TCPRESET_NOSOCK", "netlens_event_inspector_type=TCP_SEND_RST_NOSock",
            "netlens_event_held_back=7", "netlens_event_summary=true",
        ]);
    }

    [Fact]
    public async Task In_kubeskoops_form_it_is_its_labels_and_its_line()
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, new() { Form = LokiForm.KubeSkoop });

        outlet.Write([Full(), Plain(1)], CancellationToken.None).ShouldBe(2);

        var stream = Decode(await receiver.TakeAsync()).Streams.Single();
        stream.Labels.ShouldBe("""{instance="node-1", job="kubeskoop"}""");
        using var line = JsonDocument.Parse(stream.Entries[0].Line);
        line.RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["timestamp", "type", "labels", "msg"]);
        line.RootElement.GetProperty("timestamp").GetInt64().ShouldBe(Time);
        line.RootElement.GetProperty("type").GetString().ShouldBe("TCPRESET_NOSOCK");
        line.RootElement.GetProperty("msg").GetString().ShouldBe("reset {by} peer");
        line.RootElement.GetProperty("labels").EnumerateArray()
            .Select(l => $"{l.GetProperty("name")}={l.GetProperty("value")}")
            .ShouldBe(["pod=web-0", "namespace=shop", "node=node-1"]);
        stream.Entries[1].Line.ShouldContain("\"type\":\"netlens.test.reset\"");
    }

    [Fact]
    public async Task Within_a_push_lines_are_sorted_by_time_and_large_ones_arrive_whole()
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, new());
        var random = new Random(5);
        NetworkEvent[] batch = [.. Enumerable.Range(0, OutletQueue.LargestBatch).Select(i => Plain(random.Next(50)) with
        {
            Message = $"{i} {new string((char)('a' + (i % 26)), random.Next(5000))}é",
            Stack = [.. Enumerable.Range(0, 30).Select(s => $"function_{random.Next()}+0x{s:x}")],
        })];

        outlet.Write(batch, CancellationToken.None).ShouldBe(batch.Length);

        var entries = Decode(await receiver.TakeAsync()).Streams.Single().Entries;
        entries.Select(e => e.Line).ShouldBe(batch.OrderBy(e => e.Time).Select(e => e.Message));
        entries.Select(e => e.Timestamp.Nanos).ShouldBe(entries.Select(e => e.Timestamp.Nanos).Order());
    }

    [Theory]
    [InlineData("user", "pass", null, "Basic dXNlcjpwYXNz")]
    [InlineData(null, null, "abc.def", "Bearer abc.def")]
    public async Task It_says_who_it_is(string? user, string? password, string? token, string expected)
    {
        await using var receiver = await Receiver.StartAsync();
        using (var outlet = Outlet(receiver, new()
        {
            Username = user,
            Password = password is null ? null : new Secret(password),
            Token = token is null ? null : new Secret(token),
        }))
            outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        (await receiver.TakeAsync()).Headers["Authorization"].ShouldBe(expected);
        var file = Path.Combine(_folder.FullName, "secret");
        File.WriteAllText(file, $"{password ?? token}\n");
        using var again = Outlet(receiver, new()
        {
            Username = user, PasswordFile = user is null ? null : file, TokenFile = user is null ? file : null,
        });
        again.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        (await receiver.TakeAsync()).Headers["Authorization"].ShouldBe(expected);
    }

    [Fact]
    public async Task A_token_that_is_replaced_is_used_and_one_that_vanishes_is_named()
    {
        await using var receiver = await Receiver.StartAsync();
        // As Kubernetes has it: a link to a folder that is replaced.
        var file = Path.Combine(_folder.FullName, "token");
        Publish("one");
        File.CreateSymbolicLink(file, "current/token");
        using var outlet = Outlet(receiver, new() { TokenFile = file });
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        (await receiver.TakeAsync()).Headers["Authorization"].ShouldBe("Bearer one");
        Publish("two");
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        (await receiver.TakeAsync()).Headers["Authorization"].ShouldBe("Bearer two");

        File.Delete(Path.Combine(_folder.FullName, "current"));
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        receiver.Waiting.ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem().ShouldContain($"(loki.tokenFile: {file}: there is no such file)");
        Publish("three\nfour");
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        _log.Lines.ShouldNotContain(l => l.Contains("three"));
        Publish("five");
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);

        void Publish(string token)
        {
            var target = Directory.CreateDirectory(Path.Combine(_folder.FullName, Guid.NewGuid().ToString()));
            File.WriteAllText(Path.Combine(target.FullName, "token"), token);
            var current = Path.Combine(_folder.FullName, "current");
            File.Delete(current);
            File.CreateSymbolicLink(current, target.FullName);
        }
    }

    [Fact]
    public async Task What_is_refused_for_good_is_not_sent_again_and_told_once()
    {
        const string Reason = "entry for stream '{...}' has timestamp too old: 2020-01-01T00:00:00Z\nmore";
        await using var receiver = await Receiver.StartAsync(
            _ => new Reply { Status = 400, Body = Encoding.UTF8.GetBytes(Reason) });
        using var outlet = Outlet(receiver, new());

        for (var i = 1; i <= 3; i++)
        {
            outlet.Write([Plain(1), Plain(2)], CancellationToken.None).ShouldBe(0);
            receiver.Waiting.ShouldBe(i);
        }
        _log.Lines.ShouldHaveSingleItem().ShouldContain("(HTTP 400: " + Reason.Split('\n')[0] + ")");
    }

    /// <summary>As Loki's ingester words it (pkg/ingester/stream.go), now and of old.</summary>
    [Theory]
    [InlineData("user 'shop', total ignored: 2 out of 5 for stream: {service_name=\"netlens\"}", 3)]
    [InlineData("total ignored: 2 out of 5", 3)]
    [InlineData("user 'shop', total ignored: 1 out of 4 for stream: {a=\"b\"}", 3)]
    [InlineData("user 'shop', total ignored: 5 out of 5 for stream: {a=\"b\"}", 0)]
    [InlineData("user 'shop', total ignored: 2 out of 6 for stream: {a=\"b\"}", 0)]
    [InlineData("the line 'total ignored: 2 out of 5' is too long", 0)]
    public async Task What_it_took_of_a_push_that_it_refuses_has_arrived(string last, int arrived)
    {
        const string First = "entry with timestamp 2026-03-04 ignored, reason: 'entry too far behind',\n";
        await using var receiver = await Receiver.StartAsync(
            _ => new Reply { Status = 400, Body = Encoding.UTF8.GetBytes(First + last) });
        using var outlet = Outlet(receiver, new());
        outlet.Write([Plain(1), Plain(2), Plain(3), Plain(4), Plain(5)], CancellationToken.None).ShouldBe(arrived);
        receiver.Waiting.ShouldBe(1);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("HTTP 400: entry with timestamp");
    }

    [Theory]
    [InlineData(429, null, "HTTP 429: slow down")]
    [InlineData(500, null, "HTTP 500: slow down")]
    [InlineData(401, null, "HTTP 401: slow down")]
    [InlineData(503, "text/html", "HTTP 503 with a web page")]
    [InlineData(400, "text/html", "HTTP 400 with a web page")]
    [InlineData(200, "text/html", "HTTP 200, but the answer is a web page")]
    public async Task What_may_pass_is_tried_again(int status, string? type, string reason)
    {
        var failures = 2;
        await using var receiver = await Receiver.StartAsync(_ => Interlocked.Decrement(ref failures) >= 0
            ? new Reply { Status = status, ContentType = type, Body = "slow down"u8.ToArray() }
            : new Reply { Status = 204 });
        using var outlet = Outlet(receiver, new(), TimeSpan.Zero, TimeSpan.Zero);

        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);

        receiver.Waiting.ShouldBe(3);
        _log.Lines.Count.ShouldBe(2);
        _log.Lines[0].ShouldContain($"({reason})");
        _log.Lines[1].ShouldContain("again");
        // Bounded: a backend that stays so loses events, which are counted.
        failures = int.MaxValue;
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        receiver.Waiting.ShouldBe(6);
    }

    [Fact]
    public async Task It_waits_as_long_as_the_server_asks()
    {
        var first = true;
        await using var receiver = await Receiver.StartAsync(_ =>
        {
            var reply = first
                ? new Reply { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "2" } }
                : new Reply { Status = 204 };
            first = false;
            return reply;
        });
        using var outlet = Outlet(receiver, new(), TimeSpan.Zero);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        clock.Elapsed.ShouldBeGreaterThan(TimeSpan.FromSeconds(1.9));
    }

    [Fact]
    public async Task What_is_too_large_goes_in_parts()
    {
        var taken = 0;
        await using var receiver = await Receiver.StartAsync(request =>
        {
            var count = Decode(request).Streams.Single().Entries.Count;
            Interlocked.Add(ref taken, count <= 20 ? count : 0);
            return new Reply { Status = count <= 20 ? 204 : 413 };
        });
        using var outlet = Outlet(receiver, new());
        outlet.Write([.. Enumerable.Range(0, 100).Select(Plain)], CancellationToken.None).ShouldBe(100);
        taken.ShouldBe(100);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")]
    [InlineData("HTTP/1.1 204 No")]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("")]
    public async Task An_answer_that_breaks_off_is_none(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var requests = 0;
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                var stream = client.GetStream();
                var read = await stream.ReadAsync(new byte[64 * 1024]);
                var last = Interlocked.Increment(ref requests) == 3;
                await stream.WriteAsync(Encoding.ASCII.GetBytes(
                    last ? "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n" : answer));
                if (last || read == 0)
                    return;
            }
        });
        using var outlet = Outlet(
            new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"), new(), TimeSpan.Zero, TimeSpan.Zero);
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        await serving;
        requests.ShouldBe(3);
        _log.Lines.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_server_that_is_silent_is_given_up_at_the_timeout_and_at_the_end_at_once()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        using var outlet = Outlet(receiver, new() { Timeout = TimeSpan.FromMilliseconds(300) });
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("(no answer within 0.3 s)");
        using var patient = Outlet(receiver, new() { Timeout = TimeSpan.FromMinutes(5) });
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        patient.Write([Plain(1)], stop.Token).ShouldBe(0);
    }

    [Fact]
    public async Task A_certificate_that_expired_is_said()
    {
        using var authority = new Authority();
        using var expired = authority.Issue("expired", expired: true).Certificate;
        await using var receiver = await Receiver.StartAsync(certificate: expired);
        using var outlet = Outlet(receiver, new() { Certificate = authority.Certificate });
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("NotTimeValid");
    }

    [Fact]
    public async Task Files_of_certificates_are_read_again_after_a_failure()
    {
        using var authority = new Authority();
        using var stranger = new Authority();
        using var certificate = authority.Issue("server").Certificate;
        await using var receiver = await Receiver.StartAsync(certificate: certificate);
        var trusted = Path.Combine(_folder.FullName, "ca.pem");
        File.Copy(stranger.Certificate, trusted);
        using var outlet = Outlet(receiver, new() { Certificate = trusted });
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        File.Copy(authority.Certificate, trusted, overwrite: true);
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        File.Delete(trusted);
        using var another = Outlet(receiver, new() { Certificate = trusted });
        another.Write([Plain(1)], CancellationToken.None).ShouldBe(0);
        _log.Lines[^1].ShouldContain($"{trusted}: there is no such file");
    }

    private RetryingOutlet Outlet(Receiver receiver, LokiOptions options, params TimeSpan[] waits) =>
        Outlet(receiver.Http, options, waits);

    private RetryingOutlet Outlet(Uri address, LokiOptions options, params TimeSpan[] waits)
    {
        var errors = new List<string>();
        var settings = LokiSettings.Of(new()
        {
            Loki = options with { Endpoint = address },
            Resource = new() { NodeName = "node-1" },
        }, _ => null, errors);
        errors.ShouldBeEmpty();
        return new(new LokiOutlet(settings!, "1.2.3", TimeProvider.System), _log, waits);
    }

    private static PushRequest Decode(Received received) =>
        PushRequest.Parser.ParseFrom(SnappyBlock.Decode(received.Message));

    private static NetworkEvent Plain(int number) => new()
    {
        Info = Kind, Time = Time + number, ObservedTime = Time, Message = $"number {number}",
    };

    private static NetworkEvent Full() => Plain(0) with
    {
        Info = Reset,
        Message = "reset {by} peer",
        Subject = new NetNamespace(4026532001, 2, false, 0, new("blue", "shop", "web-0", "")),
        Tuple = new("tcp", IPAddress.Parse("192.0.2.1"), 40000, IPAddress.Parse("198.51.100.2"), 443),
        Fields = ["no_socket", -104],
        HeldBack = 7,
        IsSummary = true,
    };
}
