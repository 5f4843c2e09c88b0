using Collector.Worker.Http;
using Collector.Worker.Tests.Export.Prometheus;

namespace Collector.Worker.Tests.Http;

public sealed class RereadFilesTests
{
    private readonly PrometheusSnapshotFixture _node = new();
    private readonly List<string> _said = [];
    private string? _content = "a";
    private int _reads;

    [Fact]
    public void Files_are_read_once_a_second_at_most_and_made_anew_when_they_changed()
    {
        var files = Create();
        for (var i = 0; i < 10; i++)
            files.Look();
        _reads.ShouldBe(1);
        _content = "b";
        After(TimeSpan.FromMilliseconds(999), files).Value.ShouldBe("made of a");
        After(TimeSpan.FromMilliseconds(1), files).Value.ShouldBe("made of b");
        After(TimeSpan.FromSeconds(5), files);
        (_reads, string.Join('|', _said)).ShouldBe((3, "renewed"));
    }

    [Fact]
    public void A_fault_is_told_once_keeps_the_last_value_and_ends()
    {
        var files = Create();
        _content = null;
        for (var i = 0; i < 3; i++)
            After(TimeSpan.FromSeconds(1), files).Fault.ShouldBe("a.key: /file: gone");
        _content = "bad";
        After(TimeSpan.FromSeconds(1), files).Fault.ShouldBe("a.key: /file: is bad");
        files.Value.ShouldBe("made of a");
        _content = "a";
        After(TimeSpan.FromSeconds(1), files).Fault.ShouldBeNull();
        _said.ShouldBe(["a.key: /file: gone", "a.key: /file: is bad", "renewed"]);
    }

    [Fact]
    public void What_is_no_use_at_first_is_an_error_at_once()
    {
        _content = null;
        Should.Throw<HttpFileException>(Create).Message.ShouldBe("/file: gone");
    }

    private RereadFiles<string> Create() => new([new("a.key", "/file")], Read, Make, _node.Time)
    {
        OnFault = _said.Add,
        OnRenewed = () => _said.Add("renewed"),
    };

    private RereadFiles<string> After(TimeSpan time, RereadFiles<string> files)
    {
        _node.Time.Now += time;
        files.Look();
        return files;
    }

    private string Read(KeyedFile file)
    {
        _reads++;
        return _content ?? throw new FileNotFoundException("gone");
    }

    private static string Make(IReadOnlyList<string> texts) => texts[0] == "bad"
        ? throw new HttpFileException(new KeyedFile("a.key", "/file"), "is bad")
        : $"made of {texts[0]}";
}
