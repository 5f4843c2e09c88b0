using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Tests.Support;
using Collector.Worker.Http;
using Collector.Worker.Inspector;
using Collector.Worker.Recorder;
using Collector.Worker.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Inspector;

/// <summary>The inspector's stream, read by gRPC's C core through Python.</summary>
public sealed class InspectorServerTests : IAsyncLifetime
{
    private const string Grpc = "/usr/lib/python3/dist-packages/grpc/__init__.py";

    private readonly EventRing _ring = new();
    private readonly InspectorServer _server;
    private Process? _client;

    public InspectorServerTests()
    {
        _ring.Open(1000);
        _server = Server("127.0.0.1:0");
    }

    [ToolFact(Grpc, "python3-grpcio")]
    public async Task A_client_gets_type_owner_and_text_of_each_event()
    {
        _ring.Append([Plain(1)]);
        await Watch("watch", "2");
        _ring.Append([Loss(), Plain(2)]);

        (await Reply()).ShouldBe(
        [
            "PACKETLOSS", "PACKETLOSS",
            "protocol=TCP saddr=2001:db8::1 sport=40000 daddr=2001:db8::2 dport=443 reset by peer",
            "node-1", "shop", "web-0", "ns4026532001",
        ]);
        (await Reply()).ShouldBe(["netlens.test.reset", "netlens.test.reset", "number 2", "node-1", "", "", ""]);
    }

    [ToolTheory(Grpc, "python3-grpcio")]
    [InlineData("netlens.test.reset", "", "", "", "number 3")]
    [InlineData("", "web-0", "", "", "reset by peer")]
    [InlineData("", "web-0", "shop", "ns4026532001", "reset by peer")]
    [InlineData("", "", "shop", "", "reset by peer")]
    public async Task A_filter_is_heeded(string name, string pod, string k8sNamespace, string netns, string expected)
    {
        await Watch("watch", "1", name, pod, k8sNamespace, netns);
        _ring.Append([Loss(), Plain(3)]);
        (await Reply())[2].ShouldEndWith(expected);
    }

    [ToolFact(Grpc, "python3-grpcio")]
    public async Task What_it_never_had_is_empty_or_refused()
    {
        await _server.StartAsync(CancellationToken.None);
        Client("query").ReadLine().ShouldBe("0");
        await DisposeClient();
        Client("unknown").ReadLine().ShouldBe("UNIMPLEMENTED");
        await DisposeClient();
        _ring.Readers.Most = 0;
        await Watch("watch", "1");
        (await Line()).ShouldBe("RESOURCE_EXHAUSTED");
    }

    [ToolFact(Grpc, "python3-grpcio")]
    public async Task A_client_that_takes_nothing_is_cut()
    {
        await Watch("stuck");
        for (var i = 0; _ring.Readers.Cut == 0; i++)
        {
            i.ShouldBeLessThan(6000);
            _ring.Append([.. Enumerable.Range(0, 200).Select(n => Plain(n) with { Message = new('x', 1000) })]);
            await Task.Delay(10);
        }
        while (_ring.Readers.Now > 0)
            await Task.Delay(10);
    }

    [ToolFact(Grpc, "python3-grpcio")]
    public async Task The_end_of_the_server_ends_the_stream_in_good_order()
    {
        await Watch("watch", "1");
        await _server.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1));
        (await Line()).ShouldBe("OK");
    }

    [ToolFact(Grpc, "python3-grpcio")]
    public async Task Another_address_takes_over_and_one_that_cannot_be_had_does_not()
    {
        await Watch("watch", "1");
        var first = _server.Address;
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await Should.ThrowAsync<HttpListenException>(() => _server.ReconfigureAsync(taken.LocalEndpoint.ToString()!));
        _server.Address.ShouldBe(first);

        await _server.ReconfigureAsync("[::1]:0");
        (await Line()).ShouldBe("OK");
        await DisposeClient();
        await Watch("watch", "1");
        _ring.Append([Plain(1)]);
        (await Reply())[2].ShouldBe("number 1");

        await _server.ReconfigureAsync("");
        _server.Address.ShouldBeNull();
    }

    [Fact]
    public void Who_is_overtaken_is_told_in_an_event()
    {
        var lost = InspectorReply.Lost(12, "node-1");
        lost.Name.ShouldBe("netlens.lost");
        lost.Event.Value.ShouldBe("12 events came faster than they were read, and are gone");
    }

    [Fact]
    public async Task A_port_in_use_is_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var server = Server(taken.LocalEndpoint.ToString()!);
        var fault = await Should.ThrowAsync<HttpListenException>(() => server.StartAsync(CancellationToken.None));
        fault.Message.ShouldBe(
            $"cannot listen on {taken.LocalEndpoint} (events.inspector): already in use by another process");
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await DisposeClient();
        await _server.DisposeAsync();
    }

    private static NetworkEvent Loss() => Full() with
    {
        Info = new() { Name = "netlens.packetloss.drop", Severity = EventSeverity.Warn, Description = "." },
    };

    private InspectorServer Server(string listen) =>
        new(listen, _ring, () => "node-1", NullLogger<InspectorServer>.Instance) { Patience = TimeSpan.FromSeconds(2) };

    private async Task Watch(params string[] arguments)
    {
        if (_server.Address is null)
            await _server.StartAsync(CancellationToken.None);
        Client(arguments);
        (await Line()).ShouldBe("connected");
    }

    private StreamReader Client(params string[] arguments)
    {
        var script = Path.Combine(Repository.Root, "tests/Collector.Worker.Tests/Inspector/inspector-client.py");
        var address = new Uri(_server.Address!).Authority;
        _client = Process.Start(new ProcessStartInfo("/usr/bin/python3", [script, address, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        return _client.StandardOutput;
    }

    private async Task<string?> Line() =>
        await _client!.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));

    private async Task<string[]> Reply() => JsonSerializer.Deserialize<string[]>((await Line()).ShouldNotBeNull())!;

    private async Task DisposeClient()
    {
        if (_client is null)
            return;
        _client.Kill();
        await _client.WaitForExitAsync();
        _client.Dispose();
        _client = null;
    }
}
