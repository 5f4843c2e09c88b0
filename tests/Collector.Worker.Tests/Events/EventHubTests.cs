using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Recorder;
using Collector.Worker.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Events;

public sealed class EventHubTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Every_outlet_gets_every_event_in_order_and_what_was_held_back_at_the_end()
    {
        FakeOutlet one = new("one"), two = new("two");
        using var hub = Hub(burst: 5, 100, one, two);
        await hub.StartAsync(CancellationToken.None);

        for (var i = 0; i < 8; i++)
            Report(hub, i);
        hub.HeldBack(Key, 30);
        await hub.StopAsync(CancellationToken.None);

        foreach (var outlet in new[] { one, two })
        {
            outlet.Taken.Select(e => e.Time - Time).ShouldBe([0, 1, 2, 3, 4, 7]);
            outlet.Taken[^1].IsSummary.ShouldBeTrue();
            outlet.Taken[^1].HeldBack.ShouldBe(33);
        }
        Figures(hub).ShouldBe(
        [
            "netlens.events.published: 5", "netlens.events.held_back: 33", "netlens.events.summaries: 1",
            "netlens.events.delivered one: 6", "netlens.events.dropped one: 0", "netlens.events.failed one: 0",
            "netlens.events.delivered two: 6", "netlens.events.dropped two: 0", "netlens.events.failed two: 0",
        ]);
    }

    [Fact]
    public async Task A_slow_outlet_loses_its_own_events_only_and_each_is_counted()
    {
        FakeOutlet slow = new("slow"), quick = new("quick");
        using var hub = Hub(burst: 100_000, 16, slow, quick);
        await hub.StartAsync(CancellationToken.None);
        slow.Block();
        Report(hub, 0);
        slow.WaitUntilEntered();

        // Returns although the outlet does not: were it not so, this would never end.
        for (var i = 1; i <= 1000; i++)
        {
            Report(hub, i);
            SpinWait.SpinUntil(() => hub.Outlets[1].Waiting == 0, TimeSpan.FromMinutes(1)).ShouldBeTrue();
        }

        hub.Outlets[0].Dropped.ShouldBe(1000 - 16);
        hub.Outlets[0].Waiting.ShouldBe(17);
        hub.Outlets[1].Delivered.ShouldBe(1001);
        hub.Outlets[1].Dropped.ShouldBe(0);
        slow.Release();
        await hub.StopAsync(CancellationToken.None);
        hub.Outlets[0].Delivered.ShouldBe(17);
        slow.Taken.Select(e => e.Time - Time).ShouldBe(Enumerable.Range(0, 17).Select(i => (long)i));
    }

    [Fact]
    public async Task Events_of_namespaces_that_any_user_can_make_find_a_quarter_of_the_queue()
    {
        var slow = new FakeOutlet("slow");
        using var hub = Hub(burst: 100_000, 16, slow);
        await hub.StartAsync(CancellationToken.None);
        slow.Block();
        Report(hub, 0);
        slow.WaitUntilEntered();
        for (var i = 1; i <= 100; i++)
            hub.Publish(Key with { Rootless = true }, Plain(i) with { Rootless = true });
        (hub.Outlets[0].Waiting, hub.Outlets[0].Dropped).ShouldBe((1 + 4, 96));
        for (var i = 101; i <= 112; i++)
            Report(hub, i);
        (hub.Outlets[0].Waiting, hub.Outlets[0].Dropped).ShouldBe((1 + 16, 96));
        slow.Release();
        await hub.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task An_outlet_that_throws_or_lies_is_counted_and_goes_on()
    {
        var bad = new FakeOutlet { Answer = _ => throw new InvalidOperationException("broken") };
        var liar = new FakeOutlet("liar") { Answer = count => count + 5 };
        var log = new LogList<EventHub>();
        using var hub = Hub(10, 100, log, bad, liar);
        await hub.StartAsync(CancellationToken.None);
        Report(hub, 1);
        SpinWait.SpinUntil(() => hub.Outlets[0].Failed == 1, TimeSpan.FromMinutes(1)).ShouldBeTrue();
        bad.Answer = count => count;
        Report(hub, 2);

        await hub.StopAsync(CancellationToken.None);

        hub.Outlets.Select(o => (o.Delivered, o.Failed, o.Waiting)).ShouldBe([(1, 1, 0), (2, 0, 0)]);
        log.Lines.ShouldHaveSingleItem().ShouldBe(
            "Error: the event outlet fake failed; its events are lost and counted");
    }

    [Fact]
    public async Task An_outlet_that_hangs_does_not_hold_up_the_end_and_what_it_loses_is_told()
    {
        var hanging = new FakeOutlet("hanging");
        var other = new FakeOutlet("other");
        var log = new LogList<EventHub>();
        var hub = Hub(10, 100, log, hanging, other);
        await hub.StartAsync(CancellationToken.None);
        hanging.Block();
        Report(hub, 0);
        hanging.WaitUntilEntered();
        Report(hub, 1);
        Report(hub, 2);

        await hub.StopAsync(CancellationToken.None);
        hub.Dispose();
        hub.Dispose();

        other.Taken.Count.ShouldBe(3);
        (hub.Outlets[0].Failed + hub.Outlets[0].Waiting).ShouldBe(3);
        log.Lines.ShouldHaveSingleItem().ShouldBe("Warning: 2 events were not delivered to hanging before the end");
        hanging.Disposed.ShouldBeTrue();
    }

    [Fact]
    public async Task After_the_end_events_are_counted_as_dropped_and_nothing_throws()
    {
        var outlet = new FakeOutlet();
        var hub = Hub(10, 100, outlet);
        await hub.StartAsync(CancellationToken.None);
        await hub.StopAsync(CancellationToken.None);
        Report(hub, 1);
        hub.Dispose();
        Report(hub, 2);
        hub.HeldBack(Key, 1);

        hub.Outlets[0].Dropped.ShouldBe(2);
        outlet.Taken.ShouldBeEmpty();
        outlet.Disposed.ShouldBeTrue();
    }

    [Fact]
    public void A_hub_that_never_started_is_disposed()
    {
        var outlet = new FakeOutlet();
        Hub(10, 100, outlet).Dispose();
        outlet.Disposed.ShouldBeTrue();
    }

    [Fact]
    public async Task From_several_threads_every_event_ends_in_one_counter()
    {
        FakeOutlet good = new("good"), failing = new("failing") { Answer = count => count / 2 };
        using var hub = Hub(burst: 50, 64, good, failing);
        await hub.StartAsync(CancellationToken.None);
        Parallel.For(0, 4, thread =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                var key = new EventKey(Kind, (ulong)(i % 300), 0);
                if (hub.Admit(key, i))
                    hub.Publish(key, Plain(i));
            }
        });
        await hub.StopAsync(CancellationToken.None);

        (hub.Published + hub.HeldBackCount).ShouldBe(40_000);
        foreach (var outlet in hub.Outlets)
        {
            (outlet.Delivered + outlet.Dropped + outlet.Failed).ShouldBe(hub.Published + hub.Summaries);
            outlet.Waiting.ShouldBe(0);
        }
        good.Taken.Count.ShouldBe((int)hub.Outlets[0].Delivered);
    }

    [Theory]
    [InlineData(false, "/x", 10, null)]
    [InlineData(true, "", 0, null)]
    [InlineData(true, "/x", 0, "json")]
    [InlineData(true, "", 10, "stream")]
    public void A_hub_has_the_outlets_that_are_asked_for(bool enabled, string json, int recent, string? outlet)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILogger<EventHub>>(NullLogger<EventHub>.Instance);
        var settings = Settings(new() { Enabled = enabled, Json = json, Recent = recent });
        services.AddEvents(settings);
        using var provider = services.BuildServiceProvider();

        provider.GetServices<IHostedService>().Count().ShouldBe(1);
        var hub = provider.GetRequiredService<IEventSink>().ShouldBeOfType<EventHub>();
        hub.Outlets.Select(o => o.Name).ShouldBe(outlet is null ? [] : [outlet]);
        settings.Ring.IsOpen.ShouldBe(outlet == "stream");
        provider.GetRequiredService<EventRing>().ShouldBeSameAs(settings.Ring);
    }

    /// <summary>Lines of real files, each event in one of them, while the file moves and the queue changes.</summary>
    [Fact]
    public async Task An_outlet_that_moves_under_a_flow_of_events_loses_none()
    {
        const int Each = 20_000;
        var folder = Directory.CreateTempSubdirectory("netlens-hub-");
        try
        {
            string File(int i) => Path.Combine(folder.FullName, $"{i}.json");
            EventOptions Options(int i) => new() { Json = File(i), Recent = 0, Burst = 10_000_000, Queue = 100_000 + i };
            using var hub = new EventHub(
                new(1, TimeSpan.FromHours(1), TimeProvider.System), [], 1, TimeProvider.System, NullLogger.Instance,
                TimeSpan.FromMinutes(1));
            hub.Reconfigure(Settings(Options(0)), NullLogger.Instance);
            await hub.StartAsync(CancellationToken.None);
            var flow = Enumerable.Range(0, 4).Select(t => Task.Run(() =>
            {
                for (var i = 0; i < Each; i++)
                    Report(hub, (t * Each) + i);
            })).ToArray();
            var files = 1;
            for (; !Task.WhenAll(flow).IsCompleted || files < 5; files++)
            {
                hub.Reconfigure(Settings(Options(files)), NullLogger.Instance);
                await Task.Delay(20);
            }
            await Task.WhenAll(flow);
            await hub.StopAsync(CancellationToken.None);

            hub.Published.ShouldBe(4 * Each);
            var tally = hub.Tallies.Single(t => t.Name == "json");
            (tally.Delivered, tally.Dropped, tally.Failed).ShouldBe((4 * Each, 0, 0));
            var lines = Enumerable.Range(0, files)
                .SelectMany(i => System.IO.File.ReadLines(File(i))).ToArray();
            lines.Length.ShouldBe(4 * Each);
            lines.Distinct().Count().ShouldBe(4 * Each);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task An_outlet_for_which_nothing_changes_stays_and_one_that_is_switched_off_keeps_its_figures()
    {
        using var hub = new EventHub(
            new(1, TimeSpan.FromHours(1), TimeProvider.System), [], 1, TimeProvider.System, NullLogger.Instance);
        EventOptions options = new() { Json = "/dev/null", Queue = 5 };
        hub.Reconfigure(Settings(options), NullLogger.Instance);
        await hub.StartAsync(CancellationToken.None);
        var outlet = hub.Outlets.Single(o => o.Name == "json");
        Report(hub, 0);
        SpinWait.SpinUntil(() => outlet.Delivered == 1, TimeSpan.FromMinutes(1)).ShouldBeTrue();

        hub.Reconfigure(Settings(options with { Queue = 7, Burst = 3 }), NullLogger.Instance);
        hub.Outlets.ShouldContain(outlet);
        outlet.Capacity.ShouldBe(7);
        hub.Reconfigure(Settings(options with { Enabled = false }), NullLogger.Instance);
        hub.Outlets.ShouldNotContain(outlet);
        hub.Admit(Key, Time).ShouldBeFalse();
        hub.Tallies.Single(t => t.Name == "json").Delivered.ShouldBe(1);
        await hub.StopAsync(CancellationToken.None);
    }

    private static OutletSettings Settings(EventOptions events) =>
        new(new() { Events = events }, new() { Metrics = new(), Logs = new() }, null, "1", new EventRing());

    private static EventHub Hub(int burst, int queue, params IEventOutlet[] outlets) =>
        Hub(burst, queue, NullLogger.Instance, outlets);

    private static EventHub Hub(int burst, int queue, ILogger log, params IEventOutlet[] outlets) => new(
        new EventLimiter(burst, TimeSpan.FromHours(1), TimeProvider.System), outlets, queue, TimeProvider.System, log,
        outlets.Any(o => o.Name == "hanging") ? Short : TimeSpan.FromMinutes(1));

    private static void Report(EventHub hub, int number)
    {
        var e = Plain(number);
        if (hub.Admit(Key, e.Time))
            hub.Publish(Key, e);
    }

    private static IEnumerable<string> Figures(EventHub hub) => SelfFigures.OfEvents(hub)
        .Select(f => (f.Metric, Value: f.Read())).Where(f => f.Value != Metric.Absent)
        .Select(f => $"{string.Join(' ', [f.Metric.Name, .. f.Metric.Tags.Select(t => t.Value.Text)])}: {f.Value}");
}
