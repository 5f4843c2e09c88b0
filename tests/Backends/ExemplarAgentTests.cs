using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Metrics.V1;
using OpenTelemetry.Proto.Trace.V1;

namespace Backends.Tests;

/// <summary>
/// The whole way of a datagram that is read late: its span, its log record and the exemplars of its bucket, over OTLP,
/// on the page and in a real Prometheus, are one trace.
/// </summary>
public sealed partial class ExemplarAgentTests
{
    private const string OpenMetrics = "application/openmetrics-text; version=1.0.0";
    private static readonly HttpClient Http = new();

    [RequiresLibbpfFact]
    public async Task A_late_reader_leads_from_the_histogram_to_its_span()
    {
        using var pair = new TestNetnsPair();
        await using var receiver = await Receiver.StartAsync();
        using var agent = Agent(receiver, "on");
        using var lab = new LateReader(pair);
        await AwaitAsync(async () =>
        {
            lab.ReadAtOnce();
            var page = await PageAsync(agent, OpenMetrics);
            page.ShouldContain("netlens_receive_duration_seconds_bucket{");
        });
        // Nothing was slow: a histogram, and no exemplar in it.
        (await LinesAsync(agent, pair)).ShouldBeEmpty();

        lab.ReadLate();
        var line = "";
        await AwaitAsync(async () => line = (await LinesAsync(agent, pair)).ShouldHaveSingleItem());
        line.ShouldStartWith("netlens_receive_duration_seconds_bucket{");
        line.ShouldContain("netlens_receive_station=\"read\",network_transport=\"udp\"");
        var found = Exemplar().Match(line).Groups;
        // Measured from when it came, which may be after it was sent.
        double.Parse(found["value"].Value).ShouldBeInRange(2, double.Parse(found["le"].Value.Replace("+Inf", "1E9")));
        found["to"].Value.ShouldBe($"{TestNetnsPair.RightIPv4}:{lab.Port}");
        (await PageAsync(agent, "text/plain")).ShouldNotContain(" # {");

        var (trace, span) = (found["trace"].Value, found["span"].Value);
        Sent? sent = null;
        for (var i = 0; i < 300 && sent is not { Span: not null, Log: true, Exemplar: not null }; i++)
            sent = Take(await receiver.TakeAsync(), sent ?? new(null, false, null), trace);
        sent!.Span.ShouldNotBeNull().Name.ShouldBe("netlens.receive.read_slow");
        Convert.ToHexStringLower(sent.Span.SpanId.Span).ShouldBe(span);
        sent.Log.ShouldBeTrue();
        var exemplar = sent.Exemplar.ShouldNotBeNull();
        Convert.ToHexStringLower(exemplar.SpanId.Span).ShouldBe(span);
        exemplar.TimeUnixNano.ShouldBeInRange(sent.Span.EndTimeUnixNano, sent.Span.EndTimeUnixNano + 99);
        exemplar.FilteredAttributes.Single(a => a.Key == "destination.port").Value.IntValue.ShouldBe(lab.Port);
    }

    [RequiresPrometheusFact]
    public async Task Prometheus_keeps_the_exemplar()
    {
        using var pair = new TestNetnsPair();
        await using var receiver = await Receiver.StartAsync();
        using var agent = Agent(receiver, "on");
        await using var server = new PrometheusServer(
            $$"""
            global: { scrape_interval: 1s }
            scrape_configs: [ { job_name: netlens, static_configs: [ { targets: ["{{agent.Address.Authority}}"] } ] } ]
            """, "--enable-feature=exemplar-storage");
        using var lab = new LateReader(pair);
        lab.ReadLate();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var query = "/api/v1/query_exemplars?query=netlens_receive_duration_seconds_bucket"
            + $"&start={now - 3600}&end={now + 3600}";
        await AwaitAsync(async () =>
        {
            var found = Exemplar().Match((await LinesAsync(agent, pair)).ShouldHaveSingleItem());
            var answer = await server.GetAsync(query);
            answer.ShouldContain($"\"trace_id\":\"{found.Groups["trace"].Value}\"");
            answer.ShouldContain($"\"destination\":\"{found.Groups["to"].Value}\"");
            answer.ShouldContain($"\"netlens_netns\":\"{pair.Right.Inode}\"");
        });
    }

    [RequiresLibbpfFact]
    public async Task Without_spans_an_exemplar_names_no_trace()
    {
        using var pair = new TestNetnsPair();
        await using var receiver = await Receiver.StartAsync();
        using var agent = Agent(receiver, "off");
        agent.WaitForLog("first snapshot");
        using var lab = new LateReader(pair);
        await AwaitAsync(async () =>
        {
            // The kernel begins to stamp packets some time after it was asked to.
            lab.ReadLate();
            var page = await PageAsync(agent, OpenMetrics);
            page.ShouldContain($" # {{source=\"{TestNetnsPair.LeftIPv4}:");
            page.ShouldNotContain("trace_id");
        }, tries: 20);
    }

    private static AgentProcess Agent(Receiver receiver, string spans)
    {
        var agent = new AgentProcess($$"""
            events: { spans: {{spans}} }
            collection: { interval: 1s }
            probes: { receive: { enabled: on, slow: 30s, slowRead: 2s } }
            """, ("NETLENS_PROBES", "receive"), ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Http.ToString()));
        agent.WaitForLog("first snapshot");
        return agent;
    }

    private static async Task<string> PageAsync(AgentProcess agent, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(agent.Address, "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var answer = await Http.SendAsync(request);
        return await answer.Content.ReadAsStringAsync();
    }

    // Of the reader's namespace: others have readers of their own.
    private static async Task<string[]> LinesAsync(AgentProcess agent, TestNetnsPair pair) =>
    [
        .. (await PageAsync(agent, OpenMetrics)).Split('\n')
            .Where(l => l.Contains($"netlens_netns=\"{pair.Right.Inode}\"") && Exemplar().IsMatch(l)),
    ];

    private static Sent Take(Received received, Sent sent, string trace)
    {
        bool Is(Google.Protobuf.ByteString id) => Convert.ToHexStringLower(id.Span) == trace;
        if (received.Path.EndsWith("/traces", StringComparison.Ordinal))
        {
            var root = SpanTests.Spans(received).SingleOrDefault(s => Is(s.TraceId) && s.ParentSpanId.IsEmpty);
            return sent with { Span = sent.Span ?? root };
        }
        if (received.Path.EndsWith("/logs", StringComparison.Ordinal))
        {
            var records = ExportLogsServiceRequest.Parser.ParseFrom(received.Message).ResourceLogs
                .SelectMany(r => r.ScopeLogs).SelectMany(s => s.LogRecords);
            return sent with { Log = sent.Log || records.Any(r => Is(r.TraceId)) };
        }
        var points = ExportMetricsServiceRequest.Parser.ParseFrom(received.Message).ResourceMetrics
            .SelectMany(r => r.ScopeMetrics).SelectMany(s => s.Metrics)
            .Where(m => m.Name == "netlens.receive.duration").SelectMany(m => m.Histogram.DataPoints);
        var exemplar = points.SelectMany(p => p.Exemplars).SingleOrDefault(x => Is(x.TraceId));
        return sent with { Exemplar = sent.Exemplar ?? exemplar };
    }

    private static async Task AwaitAsync(Func<Task> check, int tries = 600)
    {
        for (var i = 0; i < tries; i++, await Task.Delay(100))
        {
            try
            {
                await check();
                return;
            }
            catch (ShouldAssertException)
            {
                // Not yet.
            }
        }
        await check();
    }

    [GeneratedRegex("""
        le="(?<le>[^"]+)"}[ ]\d+[ ]\#[ ]{trace_id="(?<trace>[0-9a-f]{32})",span_id="(?<span>[0-9a-f]{16})",
        source="[^"]+",destination="(?<to>[^"]+)"}[ ](?<value>[\d.]+)[ ]\d+\.\d{3}$
        """, RegexOptions.Multiline | RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Exemplar();

    private sealed record Sent(Span? Span, bool Log, Exemplar? Exemplar);

    /// <summary>Datagrams from one namespace to another.</summary>
    private sealed class LateReader : IDisposable
    {
        private readonly Socket _server;
        private readonly Socket _client;

        public LateReader(TestNetnsPair pair)
        {
            _server = pair.Right.Inside(Datagrams);
            _server.Bind(new IPEndPoint(IPAddress.Any, 0));
            _client = pair.Left.Inside(Datagrams);
            _client.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), Port);
        }

        public int Port => ((IPEndPoint)_server.LocalEndPoint!).Port;

        private static Socket Datagrams() => new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

        public void ReadAtOnce()
        {
            _client.Send(new byte[64]);
            _server.Receive(new byte[64]).ShouldBe(64);
        }

        public void ReadLate()
        {
            _client.Send(new byte[64]);
            // What is measured is this wait.
            Thread.Sleep(2500);
            _server.Receive(new byte[64]).ShouldBe(64);
        }

        public void Dispose()
        {
            _client.Dispose();
            _server.Dispose();
        }
    }
}

/// <summary>Skips where there is no Prometheus, or its probe cannot run.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresPrometheusFactAttribute : FactAttribute
{
    public RequiresPrometheusFactAttribute() =>
        Skip = RootSupport.WhyNot([]) ?? new DebianTheoryAttribute("prometheus", "sid").Skip;
}
