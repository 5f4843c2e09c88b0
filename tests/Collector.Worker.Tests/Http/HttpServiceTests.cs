using System.Net;
using System.Net.Sockets;
using Collector.Worker.Configuration;
using Collector.Worker.Http;
using Collector.Worker.Watch;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Tests.Http;

/// <summary>The server of a running agent that is told to listen elsewhere, or not at all.</summary>
public sealed class HttpServiceTests
{
    private static readonly HttpClient Client = new();

    [Fact]
    public async Task It_moves_without_a_moment_in_which_nobody_listens()
    {
        await using var node = await HttpServerFixture.StartAsync();
        var (first, second) = (FreePort(), FreePort());
        using var service = await StartAsync(node, first);
        await Answers(first);
        await service.ReconfigureAsync(Options($"127.0.0.1:{second}"));
        await Answers(second);
        await Refuses(first);
        await service.ReconfigureAsync(Options("", enabled: false));
        await Refuses(second);
        await service.ReconfigureAsync(Options($"127.0.0.1:{first}"));
        await Answers(first);
        await service.StopAsync(default);
        await Refuses(first);
    }

    /// <summary>The wide address cannot be had beside the narrow one.</summary>
    [Fact]
    public async Task Another_address_with_the_same_port_takes_the_place_of_the_first()
    {
        await using var node = await HttpServerFixture.StartAsync();
        var port = FreePort();
        using var service = await StartAsync(node, port);
        await Answers(port);
        await service.ReconfigureAsync(Options($"0.0.0.0:{port}"));
        await Answers(port, "127.0.0.2");
        await service.StopAsync(default);
    }

    /// <summary>Whatever happens to the port beside it: somebody asks again and again, and is always answered.</summary>
    [Fact]
    public async Task A_Unix_socket_goes_from_one_server_to_the_next_without_a_gap()
    {
        await using var node = await HttpServerFixture.StartAsync();
        var folder = Directory.CreateTempSubdirectory("netlens-http-");
        var path = Path.Combine(folder.FullName, "netlens.sock");
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var (first, second) = (FreePort(), FreePort());
        using var service = new HttpService(
            Options($"127.0.0.1:{first}", socket: path), node.Http, NullLoggerFactory.Instance);
        await service.StartAsync(default);
        using var stop = new CancellationTokenSource();
        var asking = Task.Run(async () =>
        {
            var answers = 0;
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    (await AskAsync(path)).ShouldBe("ok\n");
                    answers++;
                }
                catch (HttpRequestException e) when (e.InnerException is IOException)
                {
                    // There is always one to connect to; that it ends before it was asked may be.
                }
            }
            return answers;
        });
        for (var round = 0; round < 3; round++)
        {
            await service.ReconfigureAsync(Options($"127.0.0.1:{second}", socket: path));
            await service.ReconfigureAsync(Options($"0.0.0.0:{second}", socket: path)); // The first has to go.
            await Should.ThrowAsync<HttpListenException>(
                () => service.ReconfigureAsync(Options(taken.LocalEndpoint.ToString()!, socket: path)));
            await Should.ThrowAsync<HttpListenException>(
                () => service.ReconfigureAsync(Options($"192.0.2.1:{second}", socket: path)));
            await service.ReconfigureAsync(Options($"127.0.0.1:{first}", socket: path));
        }
        await stop.CancelAsync();
        (await asking).ShouldBeGreaterThan(3);

        // Somebody has taken its file away: then it is made anew.
        File.Delete(path);
        await service.ReconfigureAsync(Options($"127.0.0.1:{second}", socket: path));
        (await AskAsync(path)).ShouldBe("ok\n");
        await service.ReconfigureAsync(Options($"127.0.0.1:{second}", socket: ""));
        File.Exists(path).ShouldBeFalse();
        await service.ReconfigureAsync(Options($"unix:{path}"));
        (await AskAsync(path)).ShouldBe("ok\n");
        await service.StopAsync(default);
        File.Exists(path).ShouldBeFalse();
        folder.Delete(recursive: true);
    }

    // Each time by a connection of its own.
    private static async Task<string> AskAsync(string path)
    {
        PeerAddress.TryParse($"unix:{path}", 1, out var peer).ShouldBeTrue();
        using var http = PeerClient.Create(peer, new());
        return await http.GetStringAsync("healthz");
    }

    [Fact]
    public async Task Where_the_new_port_is_taken_the_old_one_goes_on()
    {
        await using var node = await HttpServerFixture.StartAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = FreePort();
        using var service = await StartAsync(node, port);
        var e = await Should.ThrowAsync<HttpListenException>(
            () => service.ReconfigureAsync(Options(taken.LocalEndpoint.ToString()!)));
        e.Message.ShouldBe($"cannot listen on {taken.LocalEndpoint}: already in use by another process");
        await Answers(port);
        // The same port on an address that this machine does not have: the first one had to go for the attempt.
        e = await Should.ThrowAsync<HttpListenException>(
            () => service.ReconfigureAsync(Options($"192.0.2.1:{port}")));
        e.Message.ShouldEndWith("this machine has no such address");
        await Answers(port);
        await service.StopAsync(default);
    }

    private static async Task<HttpService> StartAsync(HttpServerFixture node, int port)
    {
        var service = new HttpService(Options($"127.0.0.1:{port}"), node.Http, NullLoggerFactory.Instance);
        await service.StartAsync(default);
        return service;
    }

    private static AgentOptions Options(string listen, bool enabled = true, string? socket = null) =>
        new() { Http = new() { Enabled = enabled, Listen = listen, Socket = socket ?? HttpOptions.DefaultSocket } };

    private static async Task Answers(int port, string host = "127.0.0.1") =>
        (await Client.GetStringAsync($"http://{host}:{port}/healthz")).ShouldBe("ok\n");

    private static async Task Refuses(int port) =>
        await Should.ThrowAsync<HttpRequestException>(() => Client.GetStringAsync($"http://127.0.0.1:{port}/healthz"));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
