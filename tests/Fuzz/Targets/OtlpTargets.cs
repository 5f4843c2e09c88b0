using System.Text;
using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Export.Otlp;

namespace Fuzz.Tests.Targets;

/// <summary>What a backend answers, and what the variables of OpenTelemetry may hold.</summary>
internal static class OtlpTargets
{
    // ExportMetricsServiceResponse, and google.rpc.Status with a RetryInfo, as protoc encodes them.
    private static readonly byte[][] Answers =
    [
        [],
        [0x0a, 0x0b, 0x08, 0x05, 0x12, 0x07, .. "too old"u8],
        [0x08, 0x0e, 0x12, 0x04, .. "busy"u8, 0x1a, 0x31, 0x0a, 0x28, .. "type.googleapis.com/google.rpc.RetryInfo"u8,
            0x12, 0x05, 0x0a, 0x03, 0x08, 0xac, 0x02],
        [.. "entry ignored,\nuser 'shop', total ignored: 2 out of 5 for stream: {a=\"b\"}"u8],
    ];

    public static FuzzTarget Response { get; } = FuzzTarget.Of("otlp", static () => Answers, static input =>
    {
        OtlpResponse.Accepted(input).Detail.Length.ShouldBeLessThanOrEqualTo(300);
        OtlpResponse.StatusMessage(input).ShouldAllBe(c => !char.IsControl(c));
        if (OtlpResponse.RetryDelay(input) is { } delay)
            delay.ShouldBeGreaterThanOrEqualTo(TimeSpan.Zero);
        OtlpResponse.IsTooLarge(Encoding.UTF8.GetString(input));
        LokiRefusal.Taken(input, 256).ShouldBeInRange(0, 256);
    }, "\x0a", "\x12", "\x1a", "/google.rpc.RetryInfo", "total ignored: ", " out of ");

    public static FuzzTarget Variables { get; } = FuzzTarget.Of("otelvariables", static () =>
    [
        .. new[]
        {
            "http://collector:4317", "grpc", "authorization=Bearer%20x,x-tenant=a", "service.name=a,b=c%2Cd", "10000",
            "gzip", "/etc/ca.pem", "cumulative", "https://user:pw@[::1]:4318/v1?x=1#y",
        }.Select(Encoding.UTF8.GetBytes),
    ], static input =>
    {
        var text = Encoding.UTF8.GetString(input);
        var errors = new List<string>();
        OtlpSettings.Resolve(new OtlpOptions(), _ => text, errors);
        errors.ShouldAllBe(e => !e.Contains('\n'));
    }, "=", ",", "%", "%2", "%zz", "http://", "https://", ":", "[", "]", "\"", "\n");
}
