using System.Collections.Concurrent;
using Collector.Core.Events;
using Collector.Tests.Support;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Tests.Export.Prometheus;
using Collector.Worker.Tests.Hosting;

namespace Collector.Worker.Tests.Events.Outlets.Spool;

/// <summary>A backend that comes and goes, and the disk between.</summary>
public sealed class SpooledOutletTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-spool-");
    private readonly LogList<object> _log = new();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void With_a_healthy_backend_nothing_is_written()
    {
        var remote = new FakeRemote();
        using var queue = Queue(remote);
        for (var i = 0; i < 1000; i++)
            queue.TryOffer(EventSamples.Plain(i));
        Wait(() => queue.Delivered == 1000);

        remote.Numbers.ShouldBe(Enumerable.Range(0, 1000));
        _folder.EnumerateFiles("*", SearchOption.AllDirectories).Select(f => f.Name).ShouldBe(["lock"]);
        queue.Kept!.Waiting.ShouldBe(0);
        _log.Lines.ShouldBeEmpty();
    }

    [Fact]
    public void A_folder_that_was_anothers_is_opened_when_it_is_free_and_what_is_in_it_leaves_once()
    {
        var remote = new FakeRemote();
        var settings = new SpoolSettings(_folder.FullName, 64 << 20, TimeSpan.FromHours(1));
        OutletQueue queue;
        using (var before = new SpoolFolder(
            Path.Combine(_folder.FullName, "fake"), settings, new SpoolFigures(), TimeProvider.System))
        {
            before.Append(Enumerable.Range(0, 300).Select(EventSamples.Plain));
            queue = Queue(remote);
            remote.Hold.Reset();
            for (var i = 300; i < 310; i++)
                queue.TryOffer(EventSamples.Plain(i));
            Wait(() => queue.Waiting == 0);
        }
        using (queue)
        {
            remote.Hold.Set();
            Wait(() => queue.Delivered == 310);
            remote.Numbers.Order().ShouldBe(Enumerable.Range(0, 310));
            queue.Kept!.Found.ShouldBe(300);
            queue.Kept.Waiting.ShouldBe(0);
        }
    }

    [Fact]
    public void While_it_is_away_events_wait_and_are_delivered_in_order()
    {
        var remote = new FakeRemote { Away = true };
        using var queue = Queue(remote);
        for (var i = 0; i < 20_000; i++)
        {
            queue.TryOffer(EventSamples.Plain(i));
            if (i % 1000 == 0)
                Wait(() => queue.Waiting == 0);
        }
        Wait(() => queue.Waiting == 0 && queue.Kept!.Bytes > 0);
        (queue.Delivered, queue.Dropped, queue.Failed).ShouldBe((0, 0, 0));
        queue.Kept!.Waiting.ShouldBe(20_000);

        remote.Away = false;
        Wait(() => queue.Delivered == 20_000);
        queue.TryOffer(EventSamples.Plain(20_000));
        Wait(() => queue.Delivered == 20_001);

        remote.Numbers.ShouldBe(Enumerable.Range(0, 20_001));
        queue.Kept!.Bytes.ShouldBe(0);
        _log.Lines.Count.ShouldBe(2);
        _log.Lines[0].ShouldBe($"Warning: events cannot be sent to fake (away); until they can be, they wait in "
            + $"{Path.Combine(_folder.FullName, "fake")}");
        _log.Lines[1].ShouldBe("Information: events are sent to fake again");
    }

    [Fact]
    public void A_backend_that_hangs_loses_nothing_and_gets_the_batch_under_way_once()
    {
        var remote = new FakeRemote();
        remote.Hold.Reset();
        using var queue = Queue(remote);
        for (var i = 0; i < 10_000; i++)
        {
            queue.TryOffer(EventSamples.Plain(i));
            if (i % 1000 == 0)
                Wait(() => queue.Waiting == 0);
        }
        Wait(() => queue.Waiting == 0);
        queue.Kept!.Bytes.ShouldBeGreaterThan(0);
        remote.Hold.Set();
        Wait(() => queue.Delivered == 10_000);
        remote.Numbers.ShouldBe(Enumerable.Range(0, 10_000));
    }

    [Fact]
    public void Those_of_namespaces_that_any_user_can_make_take_a_quarter_of_the_disk()
    {
        var remote = new FakeRemote { Away = true };
        using var queue = Queue(remote, size: 1 << 20);
        for (var i = 0; i < 300; i++)
            queue.TryOffer(EventSamples.Plain(i));
        for (var i = 300; i < 20_000; i++)
        {
            queue.TryOffer(EventSamples.Plain(i) with { Rootless = true });
            if (i % 500 == 0)
                Wait(() => queue.Waiting == 0);
        }
        Wait(() => queue.Waiting == 0);
        queue.Kept!.Bytes.ShouldBeLessThan(1 << 19);
        queue.Kept.Lost(SpoolLoss.Size).ShouldBeGreaterThan(10_000);
        for (var i = 20_000; i < 20_300; i++)
            queue.TryOffer(EventSamples.Plain(i));
        Wait(() => queue.Waiting == 0);
        remote.Away = false;
        Wait(() => queue.Kept.Waiting == 0);
        (queue.Delivered + queue.Kept.Lost(SpoolLoss.Size)).ShouldBe(20_300);
        remote.Numbers.Where(n => n is < 300 or >= 20_000)
            .ShouldBe([.. Enumerable.Range(0, 300), .. Enumerable.Range(20_000, 300)]);
    }

    [Fact]
    public async Task What_a_run_leaves_the_next_one_delivers_first()
    {
        var remote = new FakeRemote { Away = true };
        using (var first = Queue(remote))
        {
            for (var i = 0; i < 3000; i++)
                first.TryOffer(EventSamples.Plain(i));
            Wait(() => first.Waiting == 0);
            first.Close();
            await first.DrainAsync(new CancellationTokenSource(Patience).Token);
        }
        var back = new FakeRemote();
        using var second = Queue(back);
        second.TryOffer(EventSamples.Plain(3000));
        Wait(() => second.Delivered == 3001);
        back.Numbers.ShouldBe(Enumerable.Range(0, 3001));
        second.Kept!.Found.ShouldBe(3000);
        _log.Lines.ShouldContain(l => l.Contains("3000 events of an earlier run wait"));
    }

    /// <summary>A reload gives the folder to another outlet of the same run.</summary>
    [Fact]
    public async Task What_the_outlet_before_it_left_was_taken_once_and_is_not_found()
    {
        var tally = new OutletTally("fake");
        using (var first = Queue(new FakeRemote { Away = true }, start: false))
        {
            tally.Add(first);
            first.Start();
            for (var i = 0; i < 300; i++)
                first.TryOffer(EventSamples.Plain(i));
            Wait(() => first.Waiting == 0);
            first.Close();
            await first.DrainAsync(new CancellationTokenSource(Patience).Token);
            first.Dispose();
            tally.End(first);
        }
        var back = new FakeRemote();
        back.Hold.Reset();
        using var second = Queue(back, start: false);
        tally.Add(second);
        second.Start();
        Wait(() => tally.OfSpools(f => f.Waiting, live: true) == 300);
        tally.OfSpools(f => f.Found, live: false).ShouldBe(0);
        back.Hold.Set();
        Wait(() => tally.Delivered == 300);
        back.Numbers.ShouldBe(Enumerable.Range(0, 300));
        tally.OfSpools(f => f.Waiting, live: true).ShouldBe(0);
        (tally.Dropped, tally.Failed).ShouldBe((0, 0));
        _log.Lines.ShouldNotContain(l => l.Contains("of an earlier run"));
    }

    /// <summary>Its clock stands still: only what is too much for memory goes to the disk.</summary>
    [Fact]
    public void What_may_wait_in_memory_is_taken_over_while_it_runs()
    {
        var remote = new FakeRemote();
        remote.Hold.Reset();
        using var queue = Queue(remote, time: new ManualTime(DateTimeOffset.UnixEpoch.AddDays(20_000)));
        for (var i = 0; i < 20; i++)
            queue.TryOffer(EventSamples.Plain(i));
        Wait(() => queue.Waiting == 0);
        queue.Kept!.Bytes.ShouldBe(0);
        queue.Capacity = 20;
        queue.TryOffer(EventSamples.Plain(20));
        Wait(() => queue.Kept!.Bytes > 0);
        remote.Hold.Set();
        Wait(() => queue.Delivered == 21);
        remote.Numbers.ShouldBe(Enumerable.Range(0, 21));
    }

    [Fact]
    public void What_is_refused_for_good_is_counted_and_holds_up_nothing()
    {
        var remote = new FakeRemote { Refused = n => n is >= 100 and < 200, Away = true };
        using var queue = Queue(remote);
        for (var i = 0; i < 1000; i++)
            queue.TryOffer(EventSamples.Plain(i));
        Wait(() => queue.Waiting == 0);
        remote.Away = false;
        Wait(() => queue.Delivered + queue.Failed == 1000);
        queue.Failed.ShouldBe(100);
        remote.Numbers.ShouldBe(Enumerable.Range(0, 1000).Where(n => n is < 100 or >= 200));
        _log.Lines.Count(l => l.Contains("refuses events for good (too old)")).ShouldBe(1);
    }

    [Fact]
    public void Where_the_folder_cannot_be_made_they_wait_in_memory_and_it_is_said_once()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "fake"), "a file");
        var remote = new FakeRemote { Away = true };
        using var queue = Queue(remote, capacity: 100);
        for (var i = 0; i < 1000; i++)
            queue.TryOffer(EventSamples.Plain(i));
        Wait(() => queue.Dropped > 0);
        var kept = 1000 - queue.Dropped;
        remote.Away = false;
        Wait(() => queue.Delivered == kept);

        remote.Numbers.ShouldBe(Enumerable.Range(0, (int)kept));
        queue.Kept!.Failures.ShouldBeGreaterThan(0);
        _log.Lines.Count(l => l.StartsWith("Error: events cannot be kept in", StringComparison.Ordinal)).ShouldBe(1);
        // Once it can be, it is used without a restart.
        File.Delete(Path.Combine(_folder.FullName, "fake"));
        remote.Away = true;
        queue.TryOffer(EventSamples.Plain(5000));
        Wait(() => queue.Kept!.Bytes > 0);
        Wait(() => _log.Lines.Any(l => l.Contains("can be kept in", StringComparison.Ordinal)));
    }

    [RequiresRootFact]
    public void A_full_disk_falls_back_to_memory_and_counts_every_event()
    {
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", _folder.FullName);
        try
        {
            var remote = new FakeRemote { Away = true };
            using var queue = Queue(remote, capacity: 1000);
            const int Count = 10_000;
            for (var i = 0; i < Count; i++)
            {
                queue.TryOffer(EventSamples.Plain(i));
                if (i % 200 == 0 && queue.Dropped == 0)
                    Wait(() => queue.Waiting < 200 || queue.Kept!.Failures > 0);
            }
            Wait(() => queue.Dropped > 0);
            queue.Kept!.Failures.ShouldBeGreaterThan(0);
            var kept = Count - queue.Dropped;
            remote.Away = false;
            Wait(() => queue.Delivered == kept);

            remote.Numbers.ShouldBe(remote.Numbers.Order());
            remote.Numbers.ShouldBeUnique();
            _log.Lines.Count(l => l.StartsWith("Error: events cannot be kept in", StringComparison.Ordinal)).ShouldBe(1);
        }
        finally
        {
            Shell.Run("umount", "-l", _folder.FullName);
        }
    }

    [Fact]
    public void A_read_only_folder_falls_back_to_memory()
    {
        if (OperatingSystem.IsWindows() || Environment.UserName == "root")
            return; // Root writes anyway; a full disk is the same way.
        File.SetUnixFileMode(_folder.FullName, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var remote = new FakeRemote();
        using var queue = Queue(remote);
        queue.TryOffer(EventSamples.Plain(0));
        Wait(() => queue.Delivered == 1);
        _log.Lines.Count(l => l.StartsWith("Error: events cannot be kept in", StringComparison.Ordinal)).ShouldBe(1);
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0x1C0);
    }

    private OutletQueue Queue(
        FakeRemote remote, int capacity = 4096, bool start = true, TimeProvider? time = null, long size = 64 << 20)
    {
        var settings = new SpoolSettings(_folder.FullName, size, TimeSpan.FromHours(1));
        var retry = new Worker.Export.Otlp.RetryPolicy(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(50));
        var queue = new OutletQueue(
            new SpooledOutlet(remote, settings, capacity, _log, time ?? TimeProvider.System, retry), capacity,
            _log);
        if (start)
            queue.Start();
        return queue;
    }

    private void Wait(Func<bool> until) =>
        SpinWait.SpinUntil(until, Patience).ShouldBeTrue(string.Join('\n', _log.Lines));

    /// <summary>A backend that keeps the numbers of what it took.</summary>
    private sealed class FakeRemote : IRemoteOutlet
    {
        private readonly ConcurrentQueue<int> _numbers = new();

        public string Name => "fake";

        public string Target => "fake";

        public volatile bool Away;

        public ManualResetEventSlim Hold { get; } = new(true);

        public Func<int, bool> Refused { get; init; } = _ => false;

        public IEnumerable<int> Numbers => _numbers;

        public SendResult Send(ReadOnlyMemory<NetworkEvent> batch, CancellationToken stop)
        {
            Hold.Wait(stop);
            if (Away)
                return new(0, 0, "away");
            var refused = 0;
            foreach (var e in batch.Span)
            {
                var number = (int)(e.Time - EventSamples.Time);
                if (Refused(number))
                    refused++;
                else
                    _numbers.Enqueue(number);
            }
            return new(batch.Length, refused, refused > 0 ? "too old" : "");
        }

        public void Dispose()
        {
        }
    }
}
