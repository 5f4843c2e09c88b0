using Collector.Core.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Spool;

namespace Collector.Worker.Tests.Events.Outlets.Spool;

/// <summary>The queue on disk: order, bounds, and whatever may be found in its folder.</summary>
public sealed class SpoolFolderTests : IDisposable
{
    private const int Megabytes = 1 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-spool-");
    private readonly Clock _clock = new();
    private SpoolFigures _figures = new();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Events_come_back_in_order_from_one_run_to_the_next()
    {
        using (var first = Open())
        {
            Append(first, 0, 300);
            Append(first, 300, 10);
            Numbers(first, 100).ShouldBe(Enumerable.Range(0, 100));
        }
        using (var second = Open())
        {
            _figures.Found.ShouldBe(210);
            // Read and not settled: the batch under way when it ended.
            second.Read(50).Count.ShouldBe(50);
        }
        using var third = Open();
        _figures.Found.ShouldBe(210);
        Append(third, 310, 5);
        Numbers(third, 1000).ShouldBe(Enumerable.Range(100, 215));
        third.IsEmpty.ShouldBeTrue();
        _folder.EnumerateFiles("*.seg").ShouldBeEmpty();
        _figures.Bytes.ShouldBe(0);
        Lost().ShouldBe((0, 0, 0));
    }

    [Fact]
    public void A_disk_that_forgot_all_that_was_not_delivered_begins_anew()
    {
        using (var spool = Open())
        {
            Append(spool, 0, 10);
            Numbers(spool, 6).Count.ShouldBe(6);
        }
        // A power cut: the cursor was written, the records behind it were not.
        var cursor = SpoolCursor.Read(_folder.FullName)!.Value;
        Change(file => file.SetLength(cursor.Offset));
        using var again = Open();
        again.IsEmpty.ShouldBeTrue();
        Files().ShouldBeEmpty();
        Append(again, 20, 5);
        Numbers(again, 100).ShouldBe(Enumerable.Range(20, 5));
        again.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void A_part_of_a_batch_is_settled_alone()
    {
        using (var spool = Open())
        {
            Append(spool, 0, 10);
            spool.Settle(spool.Read(5), 3);
        }
        using var again = Open();
        Numbers(again, 100).ShouldBe(Enumerable.Range(3, 7));
    }

    [Fact]
    public void More_than_its_size_loses_the_oldest_and_counts_them()
    {
        const int Count = 30_000;
        using var spool = Open(size: 4 * Megabytes);
        for (var i = 0; i < Count; i += 100)
        {
            Append(spool, i, 100);
            _figures.Bytes.ShouldBeLessThanOrEqualTo(4 * Megabytes);
        }
        new DirectoryInfo(_folder.FullName).EnumerateFiles().Sum(f => f.Length)
            .ShouldBeLessThanOrEqualTo(4 * Megabytes);

        var left = Numbers(spool, int.MaxValue).ToArray();

        left[^1].ShouldBe(Count - 1);
        left.ShouldBe(Enumerable.Range(Count - left.Length, left.Length));
        left.Length.ShouldBeGreaterThan(5_000);
        Lost().ShouldBe((Count - left.Length, 0, 0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    [InlineData(100)]
    public void What_is_sent_while_its_segment_gives_way_is_counted_once(int arrived)
    {
        using var spool = Open(size: 4 * Megabytes);
        Append(spool, 0, 200);
        var batch = spool.Read(100);
        for (var i = 200; i < 40_200; i += 100)
            Append(spool, i, 100);
        spool.Settle(batch, arrived);

        var left = Numbers(spool, int.MaxValue).ToArray();

        left[^1].ShouldBe(40_199);
        (arrived + left.Length + _figures.Lost(SpoolLoss.Size)).ShouldBe(40_200);
    }

    [Fact]
    public void What_waited_too_long_is_lost_and_counted_also_in_a_later_run()
    {
        using (var spool = Open())
        {
            Append(spool, 0, 10);
            _clock.Now += TimeSpan.FromMinutes(50);
            Append(spool, 10, 10);
        }
        _clock.Now += TimeSpan.FromMinutes(20);
        using var again = Open();
        Append(again, 20, 1);
        Numbers(again, 100).ShouldBe(Enumerable.Range(10, 11));
        Lost().ShouldBe((0, 10, 0));
        // A clock that was set back makes nothing old.
        Append(again, 21, 1);
        _clock.Now -= TimeSpan.FromDays(400);
        Numbers(again, 100).ShouldBe([21]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(27)]
    [InlineData(60)]
    public void A_torn_tail_is_cut_off(int bytes)
    {
        using (var spool = Open())
            Append(spool, 0, 10);
        Change(file => file.SetLength(file.Length - bytes));
        using var again = Open();
        (_figures.Found, _figures.Lost(SpoolLoss.Corrupt)).ShouldBe((10, 1));
        Append(again, 10, 3);
        Numbers(again, 100).ShouldBe([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12]);
        Lost().ShouldBe((0, 0, 1));
    }

    [Fact]
    public void Broken_records_in_the_middle_are_passed_over_and_counted_exactly()
    {
        using (var spool = Open())
            Append(spool, 0, 1000);
        var random = new Random(3);
        Change(file =>
        {
            for (var i = 0; i < 40; i++)
            {
                file.Position = random.NextInt64(Segment.HeaderSize, file.Length - 2000);
                file.Write([(byte)random.Next(256), 0xAE, (byte)'N']);
            }
        });
        using var again = Open();
        var left = Numbers(again, int.MaxValue).ToArray();

        left.ShouldBe(left.Order());
        left.ShouldBeUnique();
        left.Length.ShouldBeInRange(900, 999);
        Lost().ShouldBe((0, 0, 1000 - left.Length));
    }

    [Fact]
    public void A_segment_of_another_version_is_passed_over_and_counted()
    {
        using (var spool = Open(size: 4 * Megabytes))
        {
            for (var i = 0; i < 6_000; i += 100)
                Append(spool, i, 100);
        }
        var files = Files();
        files.Length.ShouldBeGreaterThan(2);
        var second = int.Parse(files[1].Name[..20]) - 1;
        var third = int.Parse(files[2].Name[..20]) - 1;
        foreach (var file in new[] { files[1], files[^1] })
        {
            using var stream = file.Open(FileMode.Open);
            stream.Position = 4;
            stream.WriteByte(2);
        }
        using var again = Open(size: 4 * Megabytes);
        var left = Numbers(again, int.MaxValue).ToArray();

        left.ShouldNotContain(n => n >= second && n < third);
        left[0].ShouldBe(0);
        // How many the last one held, nobody can tell.
        Lost().ShouldBe((0, 0, third - second + 1));
    }

    [Fact]
    public void Whatever_stands_in_the_folder_is_no_fault()
    {
        var random = new Random(11);
        for (var round = 0; round < 60; round++)
        {
            using (var spool = Open(size: 4 * Megabytes))
            {
                Append(spool, 0, 700);
                spool.Settle(spool.Read(256), 100);
            }
            foreach (var file in new DirectoryInfo(_folder.FullName).EnumerateFiles().Where(f => f.Name != "lock"))
            {
                var bytes = File.ReadAllBytes(file.FullName);
                for (var i = random.Next(20); i > 0 && bytes.Length > 0; i--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                File.WriteAllBytes(file.FullName, random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            }
            File.WriteAllText(Path.Combine(_folder.FullName, "00000000000000000000.seg"), "nothing");
            File.WriteAllText(Path.Combine(_folder.FullName, "x.seg"), "nothing");
            using var again = Open(size: 4 * Megabytes);
            Append(again, 10_000, 5);
            Numbers(again, int.MaxValue).TakeLast(5).ShouldBe(Enumerable.Range(10_000, 5));
            again.IsEmpty.ShouldBeTrue();
            _figures.Waiting.ShouldBe(0);
        }
    }

    [Fact]
    public void A_folder_has_one_owner()
    {
        using var owner = Open();
        Should.Throw<IOException>(() => new SpoolFolder(_folder.FullName, Settings(Megabytes), new(), _clock));
    }

    private SpoolFolder Open(long size = 64 * Megabytes)
    {
        _figures = new();
        return new(_folder.FullName, Settings(size), _figures, _clock);
    }

    private SpoolSettings Settings(long size) => new(_folder.FullName, size, TimeSpan.FromHours(1));

    private void Append(SpoolFolder spool, int first, int count)
    {
        spool.Append(Enumerable.Range(first, count).Select(EventSamples.Plain));
        _figures.Take(count);
    }

    /// <summary>Delivers up to so many and gives their numbers.</summary>
    private List<int> Numbers(SpoolFolder spool, int most)
    {
        var numbers = new List<int>();
        while (!spool.IsEmpty && numbers.Count < most)
        {
            var batch = spool.Read(Math.Min(256, most - numbers.Count));
            numbers.AddRange(batch.ToArray().Select(Number));
            spool.Settle(batch, batch.Count);
            _figures.Settle(new(batch.Count));
        }
        return numbers;
    }

    private static int Number(NetworkEvent e) => (int)(e.Time - EventSamples.Time);

    private (long Size, long Age, long Corrupt) Lost() =>
        (_figures.Lost(SpoolLoss.Size), _figures.Lost(SpoolLoss.Age), _figures.Lost(SpoolLoss.Corrupt));

    private FileInfo[] Files() =>
        [.. new DirectoryInfo(_folder.FullName).EnumerateFiles("*.seg").OrderBy(f => f.Name, StringComparer.Ordinal)];

    private void Change(Action<FileStream> change)
    {
        using var file = Files().Single().Open(FileMode.Open);
        change(file);
    }

    internal sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch.AddDays(20_000);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
