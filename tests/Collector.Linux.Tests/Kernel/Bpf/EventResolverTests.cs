using System.Diagnostics;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Tests.Kernel.Bpf;

/// <summary>The queue between the event thread and the one that looks things up, and the latter's end.</summary>
public sealed class EventResolverTests
{
    private static readonly EventInfo Info = new()
    {
        Name = "netlens.test", Severity = EventSeverity.Info, Description = "A test.",
    };

    private static readonly EventKey Key = new(Info, 1, 2);

    private static readonly EventKey Rootless = Key with { Rootless = true };

    [Fact]
    public void Occurrences_arrive_whole_and_in_order_and_one_too_many_is_refused_at_once()
    {
        using var resolver = new EventResolver(new OccurrenceQueue(4));
        using var open = new ManualResetEventSlim();
        var reader = new Reader { OnEach = open.Wait };
        resolver.Start();
        resolver.Start();
        resolver.TryAdd(reader, Key, admitted: true, time: 1, [1]).ShouldBeTrue();
        SpinWait.SpinUntil(() => reader.Started == 1, 20_000).ShouldBeTrue();
        // It hangs: four may wait.
        for (byte i = 2; i <= 5; i++)
            resolver.TryAdd(reader, Key, admitted: i % 2 == 0, i, new byte[i]).ShouldBeTrue();
        resolver.TryAdd(reader, Key, admitted: true, time: 6, [6]).ShouldBeFalse();
        open.Set();
        SpinWait.SpinUntil(() => reader.Seen.Count == 5, 20_000).ShouldBeTrue();
        reader.Seen.ShouldBe([(1, true, 1), (2, true, 2), (3, false, 3), (4, true, 4), (5, false, 5)]);
        resolver.TryAdd(reader, Key, admitted: true, time: 7, [7]).ShouldBeTrue();
        resolver.Fault.ShouldBeNull();
    }

    [Fact]
    public void Of_namespaces_that_any_user_can_make_a_quarter_may_wait()
    {
        var queue = new OccurrenceQueue(40);
        var reader = new Reader();
        Enumerable.Range(0, 50).Count(i => queue.TryAdd(reader, Rootless, true, i, [0]))
            .ShouldBe(10);
        Enumerable.Range(0, 50).Count(i => queue.TryAdd(reader, Key, true, i, [0])).ShouldBe(30);
    }

    [Fact]
    public void Who_awaits_gets_all_that_was_added_before_and_waits_no_longer_than_he_wants()
    {
        using var resolver = new EventResolver();
        using var open = new ManualResetEventSlim();
        var reader = new Reader { OnEach = open.Wait };
        // Nothing is on its way.
        resolver.Await(TimeSpan.Zero).ShouldBeTrue();
        resolver.Start();
        resolver.Await(TimeSpan.Zero).ShouldBeTrue();
        for (var i = 0; i < 10; i++)
            resolver.TryAdd(reader, Key, admitted: true, i, [0]).ShouldBeTrue();
        resolver.Await(TimeSpan.Zero).ShouldBeFalse();
        resolver.Await(TimeSpan.FromMilliseconds(20)).ShouldBeFalse();
        open.Set();
        resolver.Await(TimeSpan.FromSeconds(20)).ShouldBeTrue();
        reader.Seen.Count.ShouldBe(10);
        // Who waits does not take the wake-up of the one who resolves.
        for (var i = 0; i < 1000; i++)
        {
            resolver.TryAdd(reader, Key, admitted: true, i, [0]).ShouldBeTrue();
            resolver.Await(TimeSpan.FromSeconds(20)).ShouldBeTrue();
            reader.Seen.Count.ShouldBe(11 + i);
        }
    }

    [Fact]
    public void What_comes_while_somebody_awaits_is_not_awaited()
    {
        using var resolver = new EventResolver();
        foreach (var key in new[] { Key, Rootless })
        {
            // Each brings another one, for ever.
            var flood = new Reader();
            flood.OnEach = () => resolver.TryAdd(flood, key, admitted: true, 1, [0]).ShouldBeTrue();
            for (var i = 0; i < 10; i++)
                resolver.TryAdd(flood, key, admitted: true, i, [0]).ShouldBeTrue();
            resolver.Start();
            resolver.Await(TimeSpan.FromMinutes(10)).ShouldBeTrue();
            flood.Started.ShouldBeGreaterThanOrEqualTo(10);
            flood.OnEach = static () => { };
        }
    }

    [Fact]
    public void What_any_user_can_cause_is_resolved_after_all_others_and_awaited_for_a_tenth_of_the_time()
    {
        using var resolver = new EventResolver();
        using var open = new ManualResetEventSlim();
        var reader = new Reader();
        var hanging = new Reader { OnEach = open.Wait };
        // As many as there may be, before all others.
        for (var i = 0; i < OccurrenceQueue.DefaultCapacity / 4; i++)
            resolver.TryAdd(hanging, Rootless, admitted: true, i, [0]).ShouldBeTrue();
        for (var i = 0; i < 10; i++)
            resolver.TryAdd(reader, Key, admitted: true, i, [0]).ShouldBeTrue();
        resolver.Start();
        var limit = TimeSpan.FromSeconds(20);
        var start = Stopwatch.GetTimestamp();
        resolver.Await(limit).ShouldBeFalse();
        Stopwatch.GetElapsedTime(start).ShouldBeLessThan(limit);
        reader.Seen.Count.ShouldBe(10);
        SpinWait.SpinUntil(() => hanging.Started == 1, 20_000).ShouldBeTrue();
        open.Set();
        resolver.Await(TimeSpan.FromMinutes(10)).ShouldBeTrue();
        hanging.Started.ShouldBe(OccurrenceQueue.DefaultCapacity / 4);
    }

    [Fact]
    public async Task Who_awaits_a_resolver_that_ends_is_let_go()
    {
        using var resolver = new EventResolver();
        using var open = new ManualResetEventSlim();
        var broken = new Reader
        {
            OnEach = () =>
            {
                open.Wait();
                throw new InvalidOperationException("no such event");
            },
        };
        resolver.Start();
        resolver.TryAdd(broken, Key, admitted: true, time: 1, [0]).ShouldBeTrue();
        var waiting = Task.Run(() => resolver.Await(TimeSpan.FromMinutes(10)));
        open.Set();
        (await waiting.WaitAsync(TimeSpan.FromSeconds(20))).ShouldBeFalse();
    }

    [Fact]
    public void What_waits_when_it_ends_is_resolved_and_nothing_is_taken_afterwards()
    {
        var reader = new Reader();
        var resolver = new EventResolver();
        for (var i = 0; i < 100; i++)
            resolver.TryAdd(reader, Key, admitted: true, i, [0]).ShouldBeTrue();
        resolver.Start();
        resolver.Dispose();
        reader.Seen.Count.ShouldBe(100);
        resolver.TryAdd(reader, Key, admitted: true, time: 1, [0]).ShouldBeFalse();
    }

    [Fact]
    public void Its_end_is_told_and_what_comes_later_is_refused()
    {
        using var resolver = new EventResolver();
        var broken = new Reader { OnEach = static () => throw new InvalidOperationException("no such event") };
        resolver.Start();
        resolver.TryAdd(broken, Key, admitted: true, time: 1, [0]).ShouldBeTrue();
        SpinWait.SpinUntil(() => resolver.Fault is not null, 20_000).ShouldBeTrue();
        resolver.Fault.ShouldBe("the thread that describes events ended: no such event");
        SpinWait.SpinUntil(() => !resolver.TryAdd(broken, Key, true, 1, [0]), 20_000).ShouldBeTrue();
    }

    private sealed class Reader : IOccurrenceReader
    {
        private volatile int _started;

        public Action OnEach { get; set; } = static () => { };

        public int Started => _started;

        public List<(long Time, bool Admitted, int Length)> Seen { get; } = [];

        public void Resolve(Occurrence occurrence)
        {
            _started++;
            OnEach();
            Seen.Add((occurrence.Time, occurrence.Admitted, occurrence.Record.Length));
        }
    }
}
