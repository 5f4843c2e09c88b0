using System.Diagnostics;
using Collector.Core.Events;
using Collector.Tests.Support;
using Collector.Worker.Events;
using Microsoft.Extensions.Logging.Abstractions;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Events;

/// <summary>A storm: 200,000 events a second for ten seconds.</summary>
[Collection(AloneCollection.Name)] // It measures the heap, which all tests share.
public sealed class EventFloodTests
{
    private const int Threads = 4;
    private const int PerSlice = 5_000;
    private const int Slices = 100;
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task A_storm_costs_bounded_memory_and_every_event_ends_in_one_counter()
    {
        using var good = new Counting("good", count => count);
        using var failing = new Counting("failing", count => count / 3);
        using var stuck = new FakeOutlet("stuck");
        stuck.Block();
        // A part is let through, of many keys: what is held back costs next to nothing.
        using var hub = new EventHub(
            new EventLimiter(50, TimeSpan.FromSeconds(1), TimeProvider.System), [good, failing, stuck], 4096,
            TimeProvider.System, NullLogger.Instance, TimeSpan.FromMilliseconds(200));
        await hub.StartAsync(CancellationToken.None);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;
        using var end = new CancellationTokenSource();
        var watch = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
                await Task.Delay(500, CancellationToken.None);
            }
        });

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(t => Task.Factory.StartNew(
            () => Storm(hub, t), TaskCreationOptions.LongRunning)));
        await end.CancelAsync();
        await watch;
        await hub.StopAsync(CancellationToken.None);

        (hub.Published + hub.HeldBackCount).ShouldBe(Threads * PerSlice * Slices);
        hub.Published.ShouldBeGreaterThan(10_000);
        foreach (var outlet in hub.Outlets)
            (outlet.Delivered + outlet.Dropped + outlet.Failed + outlet.Waiting)
                .ShouldBe(hub.Published + hub.Summaries, outlet.Name);
        hub.Outlets[0].Waiting.ShouldBe(0);
        // Everything that was told to somebody: what was held back stands in an event or in a summary.
        (good.Held + hub.Outlets[0].Dropped).ShouldBeGreaterThan(0);
        hub.Outlets[2].Dropped.ShouldBeGreaterThan(0);
        // Three queues of 4,096 events, 4,096 keys with their last event, some 600 bytes each.
        most.ShouldBeLessThan(32 << 20);
    }

    // As a probe does, and at a storm's pace: a slice that is late is not waited for.
    private static void Storm(EventHub hub, int thread)
    {
        var start = Stopwatch.GetTimestamp();
        for (var slice = 0; slice < Slices; slice++)
        {
            for (var i = 0; i < PerSlice; i++)
            {
                var number = (((slice * PerSlice) + i) * Threads) + thread;
                var key = new EventKey(Kind, (ulong)(number % 700), number % 7);
                if (hub.Admit(key, number))
                    hub.Publish(key, Plain(number));
            }
            var rest = (Slice * (slice + 1)) - Stopwatch.GetElapsedTime(start);
            if (rest > TimeSpan.Zero)
                Thread.Sleep(rest);
        }
    }

    /// <summary>An outlet that keeps nothing.</summary>
    private sealed class Counting(string name, Func<int, int> answer) : Worker.Events.Outlets.IEventOutlet
    {
        public string Name => name;

        public long Held { get; private set; }

        public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
        {
            foreach (var e in batch)
                Held += e.HeldBack;
            return answer(batch.Length);
        }

        public void Dispose()
        {
        }
    }
}
