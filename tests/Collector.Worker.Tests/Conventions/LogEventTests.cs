using System.Reflection;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Logging;

namespace Collector.Worker.Tests.Conventions;

/// <summary>Every log line has a number of its own, from the one list of them.</summary>
public sealed partial class LogEventTests
{
    private static readonly FieldInfo[] Events = typeof(LogEvents).GetFields();

    /// <summary>What each LoggerMessage of src has as its number, as it is written there.</summary>
    private static readonly string[] Used =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
            .SelectMany(f => Message().Matches(File.ReadAllText(f))).Select(m => m.Groups["event"].Value)];

    [Fact]
    public void Every_line_takes_one_from_the_list_and_no_other_line_does() =>
        Used.ShouldBe(Events.Select(e => $"LogEvents.{e.Name}"), ignoreOrder: true);

    [Fact]
    public void No_number_is_there_twice() =>
        Events.Select(e => (int)e.GetRawConstantValue()!).ShouldBeUnique();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(EventId\s*=\s*)?(?<event>[^,)]*)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Message();
}
