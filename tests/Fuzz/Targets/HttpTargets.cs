using System.Text;
using Collector.Linux.Probes;
using Collector.Worker.Http;
using Collector.Worker.Recorder;
using Microsoft.AspNetCore.WebUtilities;

namespace Fuzz.Tests.Targets;

/// <summary>What a request may hold. Its framing is Kestrel's, which has fuzzers of its own.</summary>
internal static class HttpTargets
{
    public static FuzzTarget Headers { get; } = FuzzTarget.Of("headers", static () =>
    [
        .. new[]
        {
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/html,application/xhtml+xml,*/*;q=0.8", "gzip, deflate, br;q=0.1, *;q=0", "identity;q=1",
            "gzip;q=0.000",
        }.Select(Encoding.Latin1.GetBytes),
    ], static input =>
    {
        var text = Encoding.Latin1.GetString(input);
        ContentNegotiation.Format(text);
        ContentNegotiation.Gzip(text);
    }, ";q=", ";version=", "\"", ",", "*/*", "application/openmetrics-text", "gzip", "x-gzip", "\\", "1e9", "-1", ";;");

    private static readonly EventQueryParser Events =
        new([.. AllProbes.List.SelectMany(p => p.Info.Events)], TimeProvider.System);

    /// <summary>The filters of /events.</summary>
    public static FuzzTarget Query { get; } = FuzzTarget.Of("query", static () =>
    [
        .. new[]
        {
            "?kind=packetloss,tcpreset.&severity=warn&pod=shop/web-0&pod=x&namespace=shop&limit=5&follow=false",
            "?address=10.0.0.0/8,fd00::1&port=53&since=10m&format=sse&netns=4026531840,host&probe=softirq",
            "?since=2026-03-04T12:00:00Z", "?since=123456789",
        }.Select(Encoding.UTF8.GetBytes),
    ], static input =>
    {
        var parameters = QueryHelpers.ParseQuery(Encoding.UTF8.GetString(input));
        var good = Events.TryParse(parameters, out _, out var problem);
        good.ShouldBe(problem.Length == 0);
        problem.TrimEnd('\n').ShouldAllBe(c => !char.IsControl(c));
    }, "&", "=", ",", "/", "%", "%00", "::", "::ffff:", "/33", "/129", "-1", "18446744073709551616", "kind=",
        "address=", "port=", "since=", "limit=", "9999-12-31T23:59:59Z", "99999999h");
}
