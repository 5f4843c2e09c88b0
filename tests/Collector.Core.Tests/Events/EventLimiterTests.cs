using Collector.Core.Events;
using Collector.Core.Subjects;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Core.Tests.Events;

public sealed class EventLimiterTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private static readonly EventInfo Kind = Info("netlens.test.a");
    private static readonly EventInfo OtherKind = Info("netlens.test.b");
    private static readonly EventKey Key = new(Kind, 1, 2);

    private readonly Clock _clock = new();
    private readonly EventLimiter _limiter;

    public EventLimiterTests() => _limiter = new EventLimiter(3, Window, _clock);

    [Fact]
    public void The_first_of_a_window_get_through_and_the_next_window_begins_anew()
    {
        Admitted(_limiter, Key, 10).ShouldBe(3);
        _clock.Now += Window - TimeSpan.FromTicks(1);
        Admitted(_limiter, Key, 10).ShouldBe(0);
        _clock.Now += TimeSpan.FromTicks(1);
        Admitted(_limiter, Key, 10).ShouldBe(3);
        _limiter.HeldBack.ShouldBe(7 + 10 + 7);
    }

    [Fact]
    public void Kind_namespace_and_reason_each_make_a_key()
    {
        foreach (var key in new EventKey[] { Key, new(OtherKind, 1, 2), new(Kind, 9, 2), new(Kind, 1, 9) })
            Admitted(_limiter, key, 5).ShouldBe(3);
        _limiter.Keys.ShouldBe(4);
    }

    [Fact]
    public void A_summary_comes_once_when_the_window_has_ended_and_repeats_the_last_event()
    {
        Publish(1000);
        _limiter.Admit(Key, 2000);
        _limiter.Admit(Key, 3000);
        _limiter.Pass(Key, Event(3000));
        _limiter.Admit(Key, 4000).ShouldBeFalse();
        _limiter.Admit(Key, 5000).ShouldBeFalse();
        Summaries().ShouldBeEmpty();

        _clock.Now += Window;
        var summary = Summaries().ShouldHaveSingleItem();
        summary.IsSummary.ShouldBeTrue();
        summary.HeldBack.ShouldBe(2);
        summary.Time.ShouldBe(5000);
        summary.ObservedTime.ShouldBe((_clock.Now - DateTimeOffset.UnixEpoch).Ticks * 100);
        summary.Message.ShouldBe("at 3000 (2 more held back)");
        summary.Subject.ShouldNotBeNull().Inode.ShouldBe(1UL);
        summary.Severity.ShouldBe(EventSeverity.Error);
        (summary.Start, summary.Duration).ShouldBe((null, null));
        summary.Stations.ShouldBeEmpty();

        _clock.Now += Window;
        Summaries().ShouldBeEmpty();
        _limiter.Summaries.ShouldBe(1);
    }

    [Fact]
    public void A_flood_that_goes_on_carries_the_count_with_its_next_event_instead()
    {
        Publish(1);
        Admitted(_limiter, Key, 5).ShouldBe(2);
        _clock.Now += Window;

        var next = Publish(2);

        next.HeldBack.ShouldBe(3);
        next.IsSummary.ShouldBeFalse();
        Publish(3).HeldBack.ShouldBe(0);
        _clock.Now += Window;
        Summaries().ShouldBeEmpty();
    }

    [Fact]
    public void An_event_without_anything_held_back_is_the_same_object()
    {
        var e = Event(1);
        _limiter.Admit(Key, 1).ShouldBeTrue();
        _limiter.Pass(Key, e).ShouldBeSameAs(e);
    }

    [Fact]
    public void What_the_kernel_held_back_counts_and_is_reported_with_the_next_event_or_in_a_summary()
    {
        _limiter.HoldBack(Key, 40);
        _limiter.HoldBack(Key, 0);
        _limiter.HoldBack(Key, -5);
        _limiter.HeldBack.ShouldBe(40);
        Publish(1).HeldBack.ShouldBe(40);

        _limiter.HoldBack(Key, 2);
        _clock.Now += Window;
        Summaries().ShouldHaveSingleItem().HeldBack.ShouldBe(2);
    }

    [Fact]
    public void A_kernel_that_holds_everything_back_gets_one_summary_per_window()
    {
        var summaries = 0;
        for (var i = 0; i < 100; i++)
        {
            _limiter.HoldBack(Key, 1);
            _clock.Now += Window / 10;
            summaries += Summaries().Count;
        }
        summaries.ShouldBe(10);
    }

    [Fact]
    public void A_count_without_any_event_is_reported_all_the_same()
    {
        _limiter.HoldBack(Key, 7);
        _clock.Now += Window;
        var summary = Summaries().ShouldHaveSingleItem();
        summary.Info.ShouldBeSameAs(Kind);
        summary.HeldBack.ShouldBe(7);
        summary.Message.ShouldBe("7 held back");
        summary.Subject.ShouldBeNull();
    }

    [Fact]
    public void At_the_end_all_is_reported_whatever_the_window()
    {
        Admitted(_limiter, Key, 5);
        Summaries().ShouldBeEmpty();
        Summaries(all: true).ShouldHaveSingleItem().HeldBack.ShouldBe(2);
        Summaries(all: true).ShouldBeEmpty();
    }

    [Fact]
    public void Beyond_the_bound_keys_share_one_of_their_kind_that_names_no_namespace()
    {
        var limiter = new EventLimiter(2, Window, _clock, keys: 10);
        for (var i = 0; i < 10; i++)
            Admitted(limiter, new(Kind, (ulong)i, 0), 1).ShouldBe(1);
        for (var i = 100; i < 1100; i++)
            limiter.Admit(new(Kind, (ulong)i, 0), i).ShouldBe(i < 102);
        limiter.Pass(new(Kind, 100, 0), Event(100));
        limiter.Admit(new(OtherKind, 5, 5), 1).ShouldBeTrue();
        limiter.Admit(new(Kind, 5000, 0), 7777).ShouldBeFalse();
        limiter.Keys.ShouldBe(12);

        _clock.Now += Window;
        var summary = Summaries(limiter).ShouldHaveSingleItem();
        summary.Subject.ShouldBeNull();
        summary.HeldBack.ShouldBe(1);
        summary.Time.ShouldBe(7777);
    }

    [Fact]
    public void Idle_keys_are_forgotten_and_make_room()
    {
        var limiter = new EventLimiter(1, Window, _clock, keys: 10);
        for (var round = 0; round < 50; round++)
        {
            for (var i = 0; i < 10; i++)
                Admitted(limiter, new(Kind, (ulong)((round * 10) + i), 0), 2).ShouldBe(1);
            limiter.Keys.ShouldBe(10);
            _clock.Now += Window;
            Summaries(limiter).Count.ShouldBe(10);
            _clock.Now += 3 * Window;
            Summaries(limiter).ShouldBeEmpty();
            limiter.Keys.ShouldBe(0);
        }
    }

    [Fact]
    public void Nothing_is_allocated_for_keys_that_are_known()
    {
        var keys = Enumerable.Range(0, 100).Select(i => new EventKey(Kind, (ulong)i, i)).ToArray();
        var summaries = new List<NetworkEvent>(200);
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Round();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Round()
        {
            foreach (var key in keys)
            {
                _limiter.Admit(key, 1);
                _limiter.HoldBack(key, 1);
            }
            _limiter.Summarise(summaries);
        }
    }

    [Fact]
    public void From_several_threads_each_event_is_let_through_or_counted()
    {
        const int Threads = 8;
        const int Each = 20_000;
        var admitted = 0L;
        var reported = 0L;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            for (var i = 0; i < Each; i++)
            {
                var key = new EventKey(Kind, (ulong)(i % 7), 0);
                if (_limiter.Admit(key, i))
                {
                    Interlocked.Increment(ref admitted);
                    Interlocked.Add(ref reported, _limiter.Pass(key, Event(i)).HeldBack);
                }
                if (i % 100 == 0)
                {
                    _clock.Advance(TimeSpan.FromSeconds(1));
                    Interlocked.Add(ref reported, Summaries().Sum(s => s.HeldBack));
                }
            }
        });
        reported += Summaries(all: true).Sum(s => s.HeldBack);

        (admitted + _limiter.HeldBack).ShouldBe(Threads * Each);
        reported.ShouldBe(_limiter.HeldBack);
        _limiter.HeldBack.ShouldBeGreaterThan(0);
    }

    /// <summary>Whatever happens in whatever order, every count held back is reported exactly once.</summary>
    [Fact]
    public void Every_count_is_reported_once() => Prop.ForAll(
        Gen.Choose(0, 99).ArrayOf().ToArbitrary(), steps =>
        {
            var clock = new Clock();
            var limiter = new EventLimiter(2, Window, clock, keys: 3);
            var held = 0L;
            var reported = 0L;
            foreach (var step in steps)
            {
                var key = new EventKey(step % 2 == 0 ? Kind : OtherKind, (ulong)(step % 5), 0);
                if (step < 60 && limiter.Admit(key, step))
                    reported += limiter.Pass(key, Event(step)).HeldBack;
                else if (step < 60)
                    held++;
                else if (step < 80)
                    limiter.HoldBack(key, step);
                else
                    clock.Now += TimeSpan.FromSeconds(step - 80);
                held += step is >= 60 and < 80 ? step : 0;
                reported += step % 3 == 0 ? Summaries(limiter).Sum(s => s.HeldBack) : 0;
                limiter.Keys.ShouldBeLessThanOrEqualTo(3 + 2);
            }
            reported += Summaries(limiter, all: true).Sum(s => s.HeldBack);
            limiter.HeldBack.ShouldBe(held);
            reported.ShouldBe(held);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    private NetworkEvent Publish(long time)
    {
        _limiter.Admit(Key, time).ShouldBeTrue();
        return _limiter.Pass(Key, Event(time));
    }

    private List<NetworkEvent> Summaries(bool all = false) => Summaries(_limiter, all);

    private static List<NetworkEvent> Summaries(EventLimiter limiter, bool all = false)
    {
        var into = new List<NetworkEvent>();
        limiter.Summarise(into, all);
        return into;
    }

    private static int Admitted(EventLimiter limiter, EventKey key, int count) =>
        Enumerable.Range(0, count).Count(i => limiter.Admit(key, i));

    private static NetworkEvent Event(long time) => new()
    {
        Info = Kind,
        Time = time,
        ObservedTime = time + 1,
        Message = $"at {time}",
        Subject = new NetNamespace(1, 1, false, 0),
        Severity = EventSeverity.Error,
        Start = time - 10,
        Stations = [new("first", time - 10, time - 5)],
    };

    internal static EventInfo Info(string name) => new()
    {
        Name = name,
        Severity = EventSeverity.Warn,
        Description = "Something happened.",
    };

    /// <summary>A clock that stands where it is put.</summary>
    internal sealed class Clock : TimeProvider
    {
        private long _ticks = new DateTimeOffset(2026, 3, 4, 12, 0, 0, TimeSpan.Zero).Ticks;

        public DateTimeOffset Now
        {
            get => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);
            set => Interlocked.Exchange(ref _ticks, value.Ticks);
        }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);
    }
}
