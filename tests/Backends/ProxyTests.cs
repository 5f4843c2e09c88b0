using System.Text;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Tests.EndToEnd;

namespace Backends.Tests;

/// <summary>A real proxy, tinyproxy, between us and the backend.</summary>
public sealed class ProxyTests
{
    private static readonly byte[] Message = Encoding.ASCII.GetBytes(new string('m', 5_000));

    [DebianTheory("tinyproxy-bin", "bookworm")]
    [InlineData("http/protobuf", "http_proxy")]
    [InlineData("http/protobuf", "ALL_PROXY")]
    [InlineData("grpc", "http_proxy")]
    [InlineData("grpc", "https_proxy")]
    public async Task What_is_sent_gets_through_it(string protocol, string variable)
    {
        await using var receiver = await Receiver.StartAsync();
        using var proxy = new Proxy(receiver);

        var settings = proxy.Settings(receiver, protocol, variable, "user:p%2Ess");
        (await SendAsync(settings)).ShouldBe(new OtlpResult(null));

        (await receiver.TakeAsync()).Message.ShouldBe(Message);
        proxy.Log.ShouldContain(protocol == "grpc" ? "CONNECT 0.0.0.0:" : "POST http://0.0.0.0:");
        settings.ToString().ShouldEndWith($" through the proxy {proxy.Url()} ({variable})");
    }

    [DebianTheory("tinyproxy-bin", "bookworm")]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task A_failure_names_it_without_its_password(string protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var proxy = new Proxy(receiver);

        var result = await SendAsync(proxy.Settings(receiver, protocol, "http_proxy", "user:wrong"));

        result.Accepted.ShouldBeFalse();
        // Over HTTP it may close before we have read its 401: it does not read what was posted.
        if (protocol == "grpc")
            result.Detail.ShouldContain("401 Unauthorized");
        result.Detail.ShouldEndWith($", through the proxy {proxy.Url()} (http_proxy)");
        result.Detail.ShouldNotContain("wrong");
        receiver.Waiting.ShouldBe(0);
    }

    [Theory]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task One_that_is_not_there_is_named(string protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        var settings = Resolve(receiver, protocol, ("http_proxy", "http://127.0.0.1:1"));

        var result = await SendAsync(settings);

        result.Failure.ShouldBe(OtlpFailure.Unreachable);
        result.Detail.ShouldEndWith("through the proxy http://127.0.0.1:1 (http_proxy)");
    }

    /// <summary>The program itself, which in a whole run of the tests is the native one.</summary>
    [DebianTheory("tinyproxy-bin", "bookworm")]
    [InlineData("http/protobuf", "user:p%2Ess")]
    [InlineData("grpc", "user:p%2Ess")]
    [InlineData("http/protobuf", "user:wrong")]
    [InlineData("grpc", "user:wrong")]
    public async Task The_program_gets_through_or_says_what_it_failed_at(string protocol, string user)
    {
        await using var receiver = await Receiver.StartAsync();
        using var proxy = new Proxy(receiver);
        using var agent = new AgentProcess(
            "collection: {interval: 1s}\nprobes: {packetloss: off, tcpreset: off, tcpretrans: off}\n",
            [.. Variables(receiver, protocol, ("http_proxy", proxy.Url(user))), ("OTEL_LOGS_EXPORTER", "none")]);

        agent.WaitForLog($" through the proxy {proxy.Url()} (http_proxy)");
        if (user.EndsWith("wrong", StringComparison.Ordinal))
        {
            agent.WaitForLog($", through the proxy {proxy.Url()} (http_proxy)");
            receiver.Waiting.ShouldBe(0);
        }
        else
        {
            (await receiver.TakeAsync()).Message.ShouldNotBeEmpty();
        }
        agent.LogLines.ShouldNotContain(l => l.Contains("p%2Ess") || l.Contains("p.ss") || l.Contains("wrong"));
    }

    /// <summary>Once: the wait before a second attempt is longer than there is time.</summary>
    private static async Task<OtlpResult> SendAsync(OtlpSignalSettings settings)
    {
        using var client = new OtlpClient(
            settings, "1", TimeProvider.System, new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1)));
        return await client.SendAsync(Message, default);
    }

    private static OtlpSignalSettings Resolve(
        Receiver receiver, string protocol, params (string Name, string Value)[] variables)
    {
        var environment = Variables(receiver, protocol, variables).ToDictionary(v => v.Name, v => v.Value);
        var errors = new List<string>();
        var settings = OtlpSettings.Resolve(new OtlpOptions(), environment.GetValueOrDefault, errors);
        errors.ShouldBeEmpty();
        return settings.Metrics;
    }

    /// <summary>To 0.0.0.0, which is this machine and not, by its name, the loopback that no proxy is for.</summary>
    private static (string Name, string Value)[] Variables(
        Receiver receiver, string protocol, params (string Name, string Value)[] others)
    {
        var port = protocol == "grpc" ? receiver.Grpc.Port : receiver.Http.Port;
        return
        [
            .. others,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://0.0.0.0:{port}"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000"),
        ];
    }

    private sealed class Proxy : IDisposable
    {
        private readonly DebianProgram _program;

        public Proxy(Receiver receiver) => _program = new DebianProgram(
            "tinyproxy-bin", "usr/bin/tinyproxy", folder => $"""
                Port {Port}
                Listen 127.0.0.1
                Timeout 60
                LogFile "{folder}/log"
                LogLevel Connect
                BasicAuth user p.ss
                ConnectPort {receiver.Grpc.Port}
                """, Port, "-d", "-c");

        public int Port { get; } = DebianProgram.FreePort();

        public string Log => _program.Read("log");

        public OtlpSignalSettings Settings(
            Receiver receiver, string protocol, string variable, string user) => Resolve(
            receiver, protocol, (variable, Url(user)));

        /// <summary>As a variable has it, or without a user as messages do.</summary>
        public string Url(string? user = null) => $"http://{(user is null ? "" : $"{user}@")}127.0.0.1:{Port}";

        public void Dispose() => _program.Dispose();
    }
}
