using Collector.Worker.Configuration;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.Tests.Events;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Tests.Recorder;

public sealed class RecordKeeperTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-records-");
    private readonly EventRing _ring = new();
    private readonly RecordedNode _node;
    private readonly RecordKeeper _keeper;

    public RecordKeeperTests()
    {
        _node = new(new() { Folder = Path.Combine(_folder.FullName, "records"), Files = 2 });
        _node.Add(RecordedNode.Devices, 1);
        _keeper = new(_node.History, _ring, r => $$"""{"reason":"{{r.Reason}}","events":{{r.Events}}}""", _node.Clock,
            NullLogger.Instance);
        _ring.Open(300);
    }

    public void Dispose()
    {
        _keeper.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void A_recording_is_kept_and_the_oldest_gives_way()
    {
        _ring.Append([.. Enumerable.Range(1, 700).Select(EventSamples.Plain)]);
        for (var i = 1; i <= 4; i++)
        {
            _node.Clock.Pass(TimeSpan.FromMinutes(2));
            _node.Publish();
            _keeper.Keep($"finding {i}").ShouldBeTrue();
            Wait(() => _keeper.Written == i && Files().Length == Math.Min(i, 2));
        }
        Files().Select(f => f.Name).ShouldBe(
            ["20260304T120600Z-finding-3.nlrec", "20260304T120800Z-finding-4.nlrec"]);
        var file = RecordFile.Open(Files()[1].FullName, new("1", [RecordedNode.Devices], [EventSamples.Kind]));
        file.Damage.ShouldBeNull();
        file.Text("reason").ShouldBe("finding 4");
        HistoryTests.Forth(file.Collections!).ShouldBe(_node.All);
        // All that the ring had.
        file.Events.Select(e => e.Number).ShouldBe(Enumerable.Range(401, 300).Select(n => (ulong)n));
    }

    [Fact]
    public void Two_within_a_minute_are_one()
    {
        _node.Publish();
        _keeper.Keep("a").ShouldBeTrue();
        _keeper.Keep("b").ShouldBeFalse();
        // The minute begins when it is written.
        Wait(() => _keeper.Written == 1);
        _node.Clock.Pass(TimeSpan.FromSeconds(59));
        _node.Clock.Now += TimeSpan.FromDays(1);
        _keeper.Keep("c").ShouldBeFalse("the clock was set; a minute did not pass");
        _node.Clock.Pass(TimeSpan.FromSeconds(1));
        _keeper.Keep("d").ShouldBeTrue();
        _keeper.Refused.ShouldBe(2);
        Wait(() => _keeper.Written == 2);
    }

    [Fact]
    public void While_one_is_written_there_is_no_other()
    {
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        using var keeper = new RecordKeeper(_node.History, _ring, _ =>
        {
            begun.Set();
            go.Wait(Patience).ShouldBeTrue();
            return "{}";
        }, _node.Clock, NullLogger.Instance);
        _node.Publish();
        keeper.Keep("slow").ShouldBeTrue();
        begun.Wait(Patience).ShouldBeTrue();
        _node.Clock.Pass(TimeSpan.FromHours(1));
        keeper.Keep("b").ShouldBeFalse();
        go.Set();
        Wait(() => keeper.Written == 1);
        keeper.Keep("c").ShouldBeFalse("the minute begins at the end");
        keeper.Refused.ShouldBe(2);
        Files().Length.ShouldBe(1);
    }

    [Fact]
    public void Whatever_goes_wrong_is_counted()
    {
        using var keeper = new RecordKeeper(
            _node.History, _ring, _ => throw new NotSupportedException("a fault"), _node.Clock, NullLogger.Instance);
        _node.Publish();
        keeper.Keep("a").ShouldBeTrue();
        Wait(() => keeper.Failed == 1);
        keeper.Written.ShouldBe(0);
    }

    [Fact]
    public void What_others_put_into_the_folder_stays()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.FullName, "records")).FullName;
        string[] others = ["a.nlrec", "a.nlrec.part", "0-mine.nlrec", "20260304-notes.nlrec", "zz.nlrec"];
        string[] ours = ["20250101T000000Z-a.nlrec", "20250102T000000Z-a.nlrec", "20250102T000000Z-b.nlrec.part"];
        foreach (var name in others.Concat(ours))
            File.WriteAllText(Path.Combine(folder, name), "");
        _node.Publish();
        _keeper.Keep("a").ShouldBeTrue();
        Wait(() => _keeper.Written == 1);
        Directory.GetFiles(folder).Select(Path.GetFileName).ShouldBe(
            [.. others, "20250102T000000Z-a.nlrec", "20260304T120000Z-a.nlrec"], ignoreOrder: true);
    }

    [Fact]
    public void None_is_kept_where_none_is_wanted()
    {
        _node.Publish();
        _node.History.Options = _node.History.Options with { Files = 0 };
        _keeper.Keep("a").ShouldBeFalse();
        _node.History.Options = new() { Memory = 0 };
        _keeper.Keep("a").ShouldBeFalse();
        Files().ShouldBeEmpty();
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_counted()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "records"), "a file");
        _keeper.Keep("a").ShouldBeTrue();
        Wait(() => _keeper.Failed == 1);
        _keeper.Written.ShouldBe(0);
    }

    [Theory]
    [InlineData("/var/lib/netlens:/var/lib/other", "/var/lib/netlens/records")]
    [InlineData("", "/var/lib/netlens/records")]
    [InlineData("/srv/state", "/srv/state/records")]
    public void The_folder_is_in_that_of_the_service(string state, string folder)
    {
        RecordKeeper.FolderOf(new(), v => v == "STATE_DIRECTORY" ? state : null).Replace('\\', '/').ShouldBe(folder);
        RecordKeeper.FolderOf(new() { Folder = "/a" }, _ => state).ShouldBe("/a");
    }

    private FileInfo[] Files()
    {
        var folder = new DirectoryInfo(Path.Combine(_folder.FullName, "records"));
        return folder.Exists ? [.. folder.GetFiles("*.nlrec").OrderBy(f => f.Name, StringComparer.Ordinal)] : [];
    }

    private static void Wait(Func<bool> condition) => SpinWait.SpinUntil(condition, Patience).ShouldBeTrue();
}
