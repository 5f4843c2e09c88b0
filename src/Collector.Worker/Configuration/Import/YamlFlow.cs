using System.Text;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>A part of the old file as it was, on one line.</summary>
internal static class YamlFlow
{
    public static string Of(YamlNode node)
    {
        var text = new StringBuilder();
        Write(text, node);
        return text.ToString();
    }

    private static void Write(StringBuilder text, YamlNode node)
    {
        switch (node)
        {
            // Unquoted it may be a number or a switch, and has to remain one.
            case YamlScalar scalar:
                text.Append(scalar.IsNull ? "null" : scalar.Quoted ? YamlText.Quoted(scalar.Text)
                    : YamlText.Scalar(scalar.Text));
                break;
            case YamlSequence list:
                text.Append('[');
                foreach (var item in list.Items)
                {
                    Write(text, item);
                    text.Append(", ");
                }
                End(text, list.Items.Count, ']');
                break;
            case YamlMapping map:
                text.Append('{');
                foreach (var (key, value) in map.Entries)
                {
                    Write(text, key);
                    text.Append(": ");
                    Write(text, value);
                    text.Append(", ");
                }
                End(text, map.Entries.Count, '}');
                break;
        }
    }

    private static void End(StringBuilder text, int count, char end)
    {
        if (count > 0)
            text.Length -= ", ".Length;
        text.Append(end);
    }
}
