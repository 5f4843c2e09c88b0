using System.Text;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

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
        settings.ToString().ShouldEndWith($" through the proxy http://127.0.0.1:{proxy.Port} ({variable})");
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
        result.Detail.ShouldEndWith($", through the proxy http://127.0.0.1:{proxy.Port} (http_proxy)");
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

    /// <summary>Once: the wait before a second attempt is longer than there is time.</summary>
    private static async Task<OtlpResult> SendAsync(OtlpSignalSettings settings)
    {
        using var client = new OtlpClient(
            settings, "1", TimeProvider.System, new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1)));
        return await client.SendAsync(Message, default);
    }

    /// <summary>To 0.0.0.0, which is this machine and not, by its name, the loopback that no proxy is for.</summary>
    private static OtlpSignalSettings Resolve(
        Receiver receiver, string protocol, params (string Name, string Value)[] variables)
    {
        var port = protocol == "grpc" ? receiver.Grpc.Port : receiver.Http.Port;
        var environment = variables.ToDictionary(v => v.Name, v => v.Value);
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol;
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://0.0.0.0:{port}";
        environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "10000";
        var errors = new List<string>();
        var settings = OtlpSettings.Resolve(new OtlpOptions(), environment.GetValueOrDefault, errors);
        errors.ShouldBeEmpty();
        return settings.Metrics;
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
            receiver, protocol, (variable, $"http://{user}@127.0.0.1:{Port}"));

        public void Dispose() => _program.Dispose();
    }
}
