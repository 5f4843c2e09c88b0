using System.Diagnostics;
using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Microsoft.Extensions.Logging.Abstractions;

namespace Backends.Tests;

/// <summary>
/// The agent's hub with one outlet and a spool, to which numbered events are published, a thousand a second; the number
/// of each is printed once it is published. Ends in good order when its input ends, and prints what became of them.
/// </summary>
internal static class KillableAgent
{
    public static async Task<int> RunAsync(string kind, int port, string spool, int first)
    {
        var endpoint = new Uri($"http://127.0.0.1:{port}");
        var options = new AgentOptions
        {
            Events = new() { Spool = spool, Recent = 0 },
            Otlp = new() { Endpoint = kind == "otlp" ? endpoint : null },
            Loki = new() { Endpoint = kind == "loki" ? endpoint : null },
        };
        var otlp = OtlpSettings.Resolve(options.Otlp, static _ => null, []);
        var settings = new OutletSettings(options, otlp, Samples.Resource, "1", new());
        using var hub = new EventHub(
            new EventLimiter(1_000_000, TimeSpan.FromSeconds(1), TimeProvider.System),
            AllOutlets.Asked(settings).Select(k => k.Make(settings, NullLogger.Instance)),
            options.Events.Queue, TimeProvider.System, NullLogger.Instance);
        await hub.StartAsync(default);
        var ended = Task.Run(Console.In.ReadToEnd); // Its own asynchronous methods are not.
        var clock = Stopwatch.StartNew();
        for (var number = first; !ended.IsCompleted; number++)
        {
            hub.Publish(Key, Event(number));
            Console.Out.Write($"{number}\n");
            await Console.Out.FlushAsync();
            while (!ended.IsCompleted && clock.ElapsedMilliseconds < number - first)
                Thread.Sleep(1);
        }
        await hub.StopAsync(default);
        Tell(hub.Outlets.Single());
        return 0;
    }

    private static EventInfo Kind { get; } = new()
    {
        Name = "netlens.test.number", Severity = EventSeverity.Warn, Description = "A number.",
    };

    private static EventKey Key { get; } = new(Kind, 0, 0);

    private static NetworkEvent Event(int number)
    {
        var now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        return new() { Info = Kind, Time = now, ObservedTime = now, Message = $"number {number}" };
    }

    private static void Tell(OutletQueue outlet)
    {
        var kept = outlet.Kept!;
        var lost = Enum.GetValues<SpoolLoss>().Sum(kept.Lost);
        Console.WriteLine($"dropped {outlet.Dropped}, failed {outlet.Failed}, lost {lost}, found {kept.Found}, "
            + $"waiting {kept.Waiting}");
    }
}
