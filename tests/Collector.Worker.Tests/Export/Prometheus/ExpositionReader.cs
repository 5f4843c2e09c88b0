using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>One sample as a scraper would read it.</summary>
internal sealed record ExpositionSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Reads a page by the grammar of the text format, strictly, and sharing nothing with the writer. Throws where a
/// scraper would give up.
/// </summary>
internal static partial class ExpositionReader
{
    public static List<ExpositionSample> Read(string page, bool openMetrics)
    {
        var lines = page.Split('\n');
        lines[^1].ShouldBe("", "the last line ends");
        var samples = new List<ExpositionSample>();
        var closed = new HashSet<string>();
        var family = "";
        for (var i = 0; i < lines.Length - 1; i++)
        {
            var line = lines[i];
            if (line == "# EOF")
            {
                openMetrics.ShouldBeTrue();
                i.ShouldBe(lines.Length - 2, "nothing after EOF");
                return samples;
            }
            if (Metadata().Match(line) is { Success: true } metadata)
            {
                if (metadata.Groups["kind"].Value != "HELP")
                    metadata.Groups["name"].Value.ShouldBe(family, "metadata of one family stands together");
                else
                    closed.Add(family = metadata.Groups["name"].Value).ShouldBeTrue("a family comes once");
                continue;
            }
            var sample = Sample(line);
            sample.Name.ShouldStartWith(family);
            samples.Add(sample);
        }
        openMetrics.ShouldBeFalse("OpenMetrics ends with EOF");
        return samples;
    }

    private static ExpositionSample Sample(string line)
    {
        var name = Name().Match(line);
        name.Success.ShouldBeTrue(line);
        var at = name.Length;
        var labels = new Dictionary<string, string>();
        line[at++].ShouldBe('{');
        while (true)
        {
            var label = Label().Match(line, at);
            label.Success.ShouldBeTrue(line[at..]);
            at += label.Length;
            labels.Add(label.Groups["name"].Value, Unescape(label.Groups["value"].Value));
            if (line[at] == ',')
                at++;
            else
                break;
        }
        line[at..].ShouldStartWith("} ");
        var text = line[(at + 2)..];
        var value = text == "+Inf"
            ? double.PositiveInfinity
            : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return new(name.Value, labels, value);
    }

    private static string Unescape(string text)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            result.Append(text[i] != '\\' ? text[i] : text[++i] switch
            {
                'n' => '\n',
                '\\' => '\\',
                '"' => '"',
                var other => throw new FormatException($"\\{other}"),
            });
        }
        return result.ToString();
    }

    [GeneratedRegex(
        @"^# (?<kind>HELP|TYPE|UNIT) (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Metadata();

    [GeneratedRegex(@"^[a-zA-Z_:][a-zA-Z0-9_:]*", RegexOptions.None, 1000)]
    private static partial Regex Name();

    [GeneratedRegex(
        @"\G(?<name>[a-zA-Z_][a-zA-Z0-9_]*)=""(?<value>([^""\\\n]|\\.)*)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Label();
}
