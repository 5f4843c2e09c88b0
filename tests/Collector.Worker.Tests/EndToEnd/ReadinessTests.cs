using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Who waits for the agent reads its log: what that announces must be there.</summary>
public sealed class ReadinessTests
{
    private const int Starts = 20;
    private static readonly HttpClient Http = new();

    [Fact]
    public async Task With_the_first_snapshot_announced_no_request_is_refused()
    {
        for (var i = 0; i < Starts; i++)
        {
            var url = $"http://{FreeAddress()}";
            var info = AgentProcess.StartInfo("run");
            info.Environment["NETLENS_HTTP_LISTEN"] = url["http://".Length..];
            // As early as a snapshot can come.
            info.Environment["NETLENS_PROBES"] = "-all,tcp";
            using var agent = Process.Start(info)!;
            try
            {
                string? line;
                do
                    line = await agent.StandardError.ReadLineAsync();
                while (line?.Contains("first snapshot") is false);
                line.ShouldNotBeNull("it ended");
                (await Http.GetStringAsync($"{url}/metrics")).ShouldContain("netlens_tcp_");
                (await Http.GetStringAsync($"{url}/healthz")).ShouldBe("ok\n");
            }
            finally
            {
                agent.Kill();
                await agent.WaitForExitAsync();
            }
        }
    }

    private static EndPoint FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener.LocalEndpoint;
    }
}
