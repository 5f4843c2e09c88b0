using Collector.Core.Events;
using Collector.Worker.Recorder;
using Xunit.Abstractions;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Recorder;

public sealed class EventRingTests(ITestOutputHelper output)
{
    private readonly EventRing _ring = new();

    [Fact]
    public void A_reader_gets_what_is_new_with_its_number()
    {
        _ring.Open(4);
        Append(1, 2);
        var cursor = _ring.Begin(null);
        Read(cursor).ShouldBeEmpty();
        Append(3);
        Read(cursor).ShouldBe([(3, "number 3")]);
        Read(cursor).ShouldBeEmpty();
        _ring.Last.ShouldBe(3UL);
    }

    [Theory]
    [InlineData(0, 2, 5)]
    [InlineData(1, 2, 5)]
    [InlineData(3, 4, 5)]
    [InlineData(5, 6, 5)] // All of them are known already.
    [InlineData(9, 2, 5)] // Of an agent before this one.
    public void What_is_kept_can_be_asked_for(int after, int first, int last)
    {
        _ring.Open(4);
        Append(1, 2, 3, 4, 5);
        Read(_ring.Begin((ulong)after)).Select(e => e.Number)
            .ShouldBe(Enumerable.Range(first, last - first + 1).Select(n => (ulong)n));
        _ring.Readers.Lost.ShouldBe(0);
    }

    [Fact]
    public void A_reader_that_is_overtaken_is_told_how_many_are_gone()
    {
        _ring.Open(4);
        Append(1);
        var cursor = _ring.Begin(1);
        Append([.. Enumerable.Range(2, 10)]);

        var batch = new NumberedEvent[3];
        cursor.Read(batch, out var lost).ShouldBe(3);
        lost.ShouldBe(6UL);
        batch.Select(e => e.Number).ShouldBe([8UL, 9UL, 10UL]);
        Read(cursor).ShouldBe([(11, "number 11")]);
        _ring.Readers.Lost.ShouldBe(6);
    }

    [Fact]
    public async Task Who_waits_is_woken_by_an_event_and_by_the_end()
    {
        var opened = _ring.Open(4);
        var cursor = _ring.Begin(null);
        var news = cursor.NewsAsync();
        news.IsCompleted.ShouldBeFalse();
        Append(1);
        await news.WaitAsync(TimeSpan.FromMinutes(1));
        cursor.NewsAsync().IsCompleted.ShouldBeTrue("there is one that it has not read");

        Read(cursor);
        news = cursor.NewsAsync();
        _ring.Close(opened);
        await news.WaitAsync(TimeSpan.FromMinutes(1));
        _ring.IsOpen.ShouldBeFalse();
        cursor.NewsAsync().IsCompleted.ShouldBeTrue();
    }

    [Theory]
    [InlineData(2, new[] { "number 3", "number 4", "number 5" })]
    [InlineData(6, new[] { "number 2", "number 3", "number 4", "number 5" })]
    public void Another_size_keeps_the_newest_and_the_count(int size, string[] kept)
    {
        var first = _ring.Open(3);
        Append(1, 2, 3, 4);
        _ring.Open(size);
        _ring.Close(first); // Its outlet ends when the new one is there already.
        _ring.IsOpen.ShouldBeTrue();
        Append(5);
        Read(_ring.Begin(0)).Select(e => e.Message).ShouldBe(kept.TakeLast(size));
        _ring.Last.ShouldBe(5UL);
    }

    [Fact]
    public void Nothing_is_kept_while_it_is_closed()
    {
        Append(1);
        var opened = _ring.Open(4);
        Append(2);
        _ring.Close(opened);
        Append(3);
        Read(_ring.Begin(0)).ShouldBeEmpty();
        _ring.Open(4);
        Append(4);
        Read(_ring.Begin(0)).ShouldBe([(2, "number 4")]);
    }

    [Fact]
    public void Events_of_namespaces_that_any_user_can_make_push_out_each_other()
    {
        _ring.Open(8);
        Append(1, 2, 3, 4, 5, 6);
        AppendOfUser(7, 8, 9, 10, 11, 12);
        Read(_ring.Begin(0)).Select(e => (int)e.Number).ShouldBe([1, 2, 3, 4, 5, 6, 11, 12]);
        // Others have what these do not use, and take the oldest's place.
        Append(13, 14, 15);
        Read(_ring.Begin(0)).Select(e => (int)e.Number).ShouldBe([4, 5, 6, 11, 12, 13, 14, 15]);
        Append(16, 17, 18, 19, 20, 21);
        Read(_ring.Begin(0)).Select(e => (int)e.Number).ShouldBe([14, 15, 16, 17, 18, 19, 20, 21]);
        AppendOfUser(22, 23, 24);
        Read(_ring.Begin(0)).Select(e => (int)e.Number).ShouldBe([16, 17, 18, 19, 20, 21, 23, 24]);
        _ring.Readers.Lost.ShouldBe(0);
        _ring.Open(4);
        Read(_ring.Begin(0)).Select(e => (int)e.Number).ShouldBe([19, 20, 21, 24]);
    }

    [Fact]
    public void What_was_pushed_out_between_others_is_told_once_to_those_who_waited_for_it()
    {
        _ring.Open(8);
        Append(1, 2);
        var cursor = _ring.Begin(2);
        AppendOfUser(3, 4, 5, 6, 7);
        Append(8);
        var batch = new NumberedEvent[2];
        cursor.Read(batch, out var lost).ShouldBe(2);
        (lost, batch[0].Number, batch[1].Number).ShouldBe((3UL, 6UL, 7UL));
        cursor.Position.ShouldBe(7UL);
        AppendOfUser(9, 10);
        cursor.Read(batch, out lost).ShouldBe(2);
        (lost, batch[0].Number, batch[1].Number).ShouldBe((0UL, 8UL, 9UL));
        // It has read 9; 10 goes before it reads on.
        AppendOfUser(11, 12);
        cursor.Read(batch, out lost).ShouldBe(2);
        (lost, batch[0].Number, batch[1].Number).ShouldBe((1UL, 11UL, 12UL));
        cursor.NewsAsync().IsCompleted.ShouldBeFalse();
        _ring.Readers.Lost.ShouldBe(4);
        // Who comes back has missed those that are gone, who comes anew has not.
        _ring.Begin(4).Read(batch, out lost).ShouldBe(2);
        (lost, batch[0].Number).ShouldBe((5UL, 8UL));
        _ring.Begin(0).Read(batch, out lost).ShouldBe(2);
        lost.ShouldBe(0UL);
    }

    /// <summary>
    /// docs/events.md says about a kilobyte: an event with all that a reset has, and texts as long as usual.
    /// </summary>
    [Fact]
    public void An_event_takes_about_a_kilobyte()
    {
        const int Events = 1000;
        var made = new NetworkEvent[Events];
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Events; i++)
        {
            made[i] = new()
            {
                Info = Kind,
                Time = i,
                ObservedTime = i,
                Message = new('m', 150),
                Subject = Pod,
                Process = new(1, 2, new('c', 10)),
                Tuple = new("tcp", new([10, 0, 0, 1]), 4711, new([10, 0, 0, 2]), 80)
                {
                    SourcePod = new('s', 25), DestinationPod = new('d', 25),
                },
                Fields = ["a", "b", 3],
            };
        }
        output.WriteLine($"{(GC.GetAllocatedBytesForCurrentThread() - before) / Events} bytes each");
        ((GC.GetAllocatedBytesForCurrentThread() - before) / Events).ShouldBeInRange(500, 1200);
        made.Length.ShouldBe(Events);
    }

    [Fact]
    public void Readers_are_bounded_and_counted()
    {
        var readers = _ring.Readers;
        readers.Most = 2;
        readers.TryEnter().ShouldBeTrue();
        readers.TryEnter().ShouldBeTrue();
        readers.TryEnter().ShouldBeFalse();
        (readers.Now, readers.Refused).ShouldBe((2, 1));
        readers.Leave().ShouldBeFalse();
        readers.Leave().ShouldBeTrue();
        readers.TryEnter().ShouldBeTrue();
    }

    [Fact]
    public async Task Readers_on_many_threads_get_every_number_once_or_are_told()
    {
        const int Events = 200_000;
        _ring.Open(64);
        var readers = Enumerable.Range(0, 8).Select(_ => _ring.Begin(0)).ToArray();
        var reading = readers.Select(cursor => Task.Run(async () =>
        {
            var batch = new NumberedEvent[16];
            ulong next = 1, gone = 0, got = 0;
            while (next <= Events)
            {
                await cursor.NewsAsync();
                var count = cursor.Read(batch, out var lost);
                (gone, got, next) = (gone + lost, got + (ulong)count, next + lost);
                for (var i = 0; i < count; i++)
                {
                    batch[i].Number.ShouldBe(next++);
                    batch[i].Event.Time.ShouldBe(Time + (long)batch[i].Number);
                }
            }
            (gone + got).ShouldBe((ulong)Events);
        })).ToArray();
        for (var i = 1; i <= Events; i++)
            Append(i);
        await Task.WhenAll(reading).WaitAsync(TimeSpan.FromMinutes(2));
    }

    private void Append(params int[] numbers) => _ring.Append([.. numbers.Select(Plain)]);

    private void AppendOfUser(params int[] numbers) =>
        _ring.Append([.. numbers.Select(n => Plain(n) with { Rootless = true })]);

    private static (ulong Number, string Message)[] Read(EventCursor cursor)
    {
        var batch = new NumberedEvent[100];
        var count = cursor.Read(batch, out _);
        return [.. batch.Take(count).Select(e => (e.Number, e.Event.Message))];
    }
}
