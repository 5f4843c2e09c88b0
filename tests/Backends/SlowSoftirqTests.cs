using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;
using OpenTelemetry.Proto.Trace.V1;

namespace Backends.Tests;

/// <summary>
/// The whole way of what takes time: receive softirqs of the kernel, slow by a threshold of 0, as spans from the
/// agent's own process.
/// </summary>
public sealed class SlowSoftirqTests
{
    [RequiresLibbpfFact]
    public async Task Slow_softirqs_arrive_as_spans_with_the_kernels_begin_and_end()
    {
        await using var receiver = await Receiver.StartAsync();
        var before = Now();
        using var agent = new Agent(receiver, "on");
        await agent.FirstMetrics();
        Span[] spans = [];
        for (var i = 0; i < 60 && spans.Length < 4; i++)
        {
            Receive();
            var received = await receiver.TakeAsync();
            if (received.Path.EndsWith("/v1/traces", StringComparison.Ordinal))
                spans = [.. spans, .. SpanTests.Spans(received)];
        }

        spans.Length.ShouldBeGreaterThanOrEqualTo(4);
        // Others of the machine may be in trouble meanwhile.
        var others = spans.Where(static s => s.ParentSpanId.IsEmpty && s.Name != "netlens.softirq.slow")
            .Select(static s => s.TraceId).ToHashSet();
        spans = [.. spans.Where(s => !others.Contains(s.TraceId))];
        foreach (var child in spans.Where(s => !s.ParentSpanId.IsEmpty))
        {
            var parent = spans.Single(s => s.SpanId == child.ParentSpanId);
            child.Name.ShouldBe(parent.Attributes.Single(a => a.Key == "netlens.softirq.phase").Value.StringValue);
            (child.TraceId, child.StartTimeUnixNano, child.EndTimeUnixNano)
                .ShouldBe((parent.TraceId, parent.StartTimeUnixNano, parent.EndTimeUnixNano));
        }
        spans = [.. spans.Where(s => s.ParentSpanId.IsEmpty)];
        spans.Select(s => s.TraceId).Distinct().Count().ShouldBe(spans.Length);
        foreach (var span in spans)
        {
            span.Name.ShouldBe("netlens.softirq.slow");
            span.ParentSpanId.ShouldBeEmpty();
            var took = span.Attributes.Single(a => a.Key == "netlens.softirq.duration").Value.IntValue;
            took.ShouldBeGreaterThan(0);
            // The SDK keeps times to 100 ns.
            ((long)(span.EndTimeUnixNano - span.StartTimeUnixNano)).ShouldBeInRange(took - 100, took + 100);
            ((long)span.StartTimeUnixNano).ShouldBeInRange(before, Now());
            ((long)span.EndTimeUnixNano).ShouldBeInRange(before, Now());
            span.Attributes.Single(a => a.Key == "netlens.softirq.vector").Value.StringValue.ShouldBe("net_rx");
        }
    }

    [RequiresLibbpfFact]
    public async Task No_span_leaves_unless_asked_for()
    {
        await using var receiver = await Receiver.StartAsync();
        using var agent = new Agent(receiver, "off");
        await agent.FirstMetrics();
        var logs = 0;
        for (var i = 0; i < 60 && logs < 3; i++)
        {
            Receive();
            var received = await receiver.TakeAsync();
            received.Path.ShouldNotContain("trace");
            // The same events as log records, so there was what could have been sent.
            logs += received.Path.EndsWith("/logs", StringComparison.Ordinal) ? 1 : 0;
        }
        logs.ShouldBe(3);
    }

    private static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    // Over the loopback: a receive softirq for each packet.
    private static void Receive()
    {
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < 50; i++)
            sender.SendTo("x"u8, receiver.LocalEndPoint!);
    }

    /// <summary>The program, which sees receive softirqs only.</summary>
    private sealed class Agent : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-spans-");
        private readonly Receiver _receiver;
        private readonly Process _process;

        public Agent(Receiver receiver, string spans)
        {
            _receiver = receiver;
            var file = Path.Combine(_folder.FullName, "netlens.yaml");
            File.WriteAllText(file, $$"""
                events: { spans: {{spans}}, window: 1s }
                http: { enabled: off }
                collection: { interval: 1s }
                probes: { softirq: { slow: 0ms, vectors: net_rx } }
                """);
            var info = new ProcessStartInfo(TestProgram.Path, ["run", "--config", file])
            {
                UseShellExecute = false, RedirectStandardError = true,
            };
            info.Environment["NETLENS_PROBES"] = "softirq";
            info.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Http.ToString();
            // What others' samplers are told is not for us.
            info.Environment["OTEL_TRACES_SAMPLER"] = "always_off";
            _process = Process.Start(info)!;
            _process.BeginErrorReadLine();
        }

        public async Task FirstMetrics()
        {
            while (!(await _receiver.TakeAsync()).Path.EndsWith("/metrics", StringComparison.Ordinal))
            {
            }
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            _folder.Delete(recursive: true);
        }
    }
}
