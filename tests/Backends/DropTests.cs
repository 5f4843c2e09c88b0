using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Collector.Tests.Support;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Logs.V1;

namespace Backends.Tests;

/// <summary>
/// The whole way: packets to a closed port in a namespace of the kernel, seen by the agent's own process, counted in
/// OTLP metrics and told in OTLP log records.
/// </summary>
public sealed class DropTests
{
    private const int ClosedPort = 9;
    private const int Packets = 40;

    [RequiresLibbpfFact]
    public async Task Dropped_packets_arrive_as_a_counter_and_as_events_of_their_namespace()
    {
        using var ns = new TestNetns();
        var sources = new List<int>();
        await using var receiver = await Receiver.StartAsync();
        using var agent = Start(receiver);
        try
        {
            var scope = "";
            var drops = 0L;
            var events = new List<LogRecord>();
            // The agent is ready when it has sent its first snapshot; what came before is nobody's.
            await Metrics(receiver);
            ns.Inside(() => sources.Add(Send()));
            for (var i = 0; i < 60 && (drops < Packets || events.Count == 0); i++)
            {
                var received = await receiver.TakeAsync();
                if (received.Path.EndsWith("/logs", StringComparison.Ordinal))
                {
                    var logs = ExportLogsServiceRequest.Parser.ParseFrom(received.Message).ResourceLogs
                        .SelectMany(r => r.ScopeLogs).ToArray();
                    scope = logs[0].Scope.Name;
                    events.AddRange(logs.SelectMany(s => s.LogRecords)
                        .Where(l => Text(l, "netlens.netns") == ns.Inode.ToString()));
                }
                else
                {
                    drops = Math.Max(drops, Drops(received, ns.Inode));
                }
            }
            drops.ShouldBe(Packets);
            var first = events[0];
            // Nobody listens, and the sender is told.
            first.EventName.ShouldBe("netlens.packetloss.refused");
            first.SeverityNumber.ShouldBe(SeverityNumber.Info);
            Text(first, "network.transport").ShouldBe("udp");
            Text(first, "source.address").ShouldBe("127.0.0.1");
            Number(first, "source.port").ShouldBe(sources[0]);
            Number(first, "destination.port").ShouldBe(ClosedPort);
            Text(first, "netlens.netns.name").ShouldBe(ns.Name);
            // Kernel time, not reading time, and on the wall clock.
            first.TimeUnixNano.ShouldBeLessThanOrEqualTo(first.ObservedTimeUnixNano);
            DateTime.UtcNow.Subtract(DateTime.UnixEpoch.AddTicks((long)first.TimeUnixNano / 100)).TotalMinutes
                .ShouldBeInRange(0, 5);
            // Ten of forty, and no more: the limit.
            events.Count(e => Text(e, "netlens.event.summary") is null).ShouldBeLessThanOrEqualTo(10);
        }
        finally
        {
            agent.Kill();
            await agent.WaitForExitAsync();
        }
    }

    private static int Send()
    {
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        sender.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        for (var i = 0; i < Packets; i++)
            sender.SendTo("x"u8, new IPEndPoint(IPAddress.Loopback, ClosedPort));
        return ((IPEndPoint)sender.LocalEndPoint!).Port;
    }

    private static async Task Metrics(Receiver receiver)
    {
        while (!(await receiver.TakeAsync()).Path.EndsWith("/metrics", StringComparison.Ordinal))
        {
        }
    }

    private static long Drops(Received received, ulong inode) =>
        ExportMetricsServiceRequest.Parser.ParseFrom(received.Message).ResourceMetrics
            .SelectMany(r => r.ScopeMetrics).SelectMany(s => s.Metrics)
            .Where(m => m.Name == "netlens.packetloss.drops")
            .SelectMany(m => m.Sum.DataPoints)
            .Where(p => p.Attributes.Any(a => a.Key == "netlens.netns" && a.Value.StringValue == inode.ToString()))
            .Sum(p => p.AsInt);

    private static string? Text(LogRecord record, string key) =>
        record.Attributes.FirstOrDefault(a => a.Key == key)?.Value.StringValue;

    private static long Number(LogRecord record, string key) =>
        record.Attributes.First(a => a.Key == key).Value.IntValue;

    private static Process Start(Receiver receiver)
    {
        var info = new ProcessStartInfo(TestProgram.Path, ["run"])
        {
            UseShellExecute = false, RedirectStandardError = true,
        };
        info.Environment["NETLENS_PROBES"] = "packetloss";
        info.Environment["NETLENS_HTTP_ENABLED"] = "false";
        info.Environment["NETLENS_COLLECTION_INTERVAL"] = "1s";
        info.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Http.ToString();
        var process = Process.Start(info)!;
        process.BeginErrorReadLine();
        return process;
    }
}

/// <summary>Skipped only without root or without libbpf.so.1.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresLibbpfFactAttribute : FactAttribute
{
    public RequiresLibbpfFactAttribute() => Skip = RootSupport.WhyNot([])
        ?? (NativeLibrary.TryLoad("libbpf.so.1", out _) ? null : "libbpf.so.1 is not installed");
}
