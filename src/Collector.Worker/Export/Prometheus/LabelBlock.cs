using System.Text;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>A run of labels as they stand in a line, <c>a="1",b="2"</c>.</summary>
internal static class LabelBlock
{
    /// <summary>Encodes labels in the given order.</summary>
    /// <remarks>
    /// Two keys that become the same label name are joined with a semicolon, as the OpenTelemetry specification asks: a
    /// name that occurs twice in a line makes Prometheus throw the whole page away.
    /// </remarks>
    public static AttributeSet Create(IReadOnlyList<KeyValuePair<string, string>> labels)
    {
        if (labels.Count == 0)
            return AttributeSet.Empty;
        using var bytes = new MemoryStream();
        var pairs = new List<Range>(labels.Count);
        for (var i = 0; i < labels.Count; i++)
        {
            var name = labels[i].Key;
            if (labels.Take(i).Any(l => l.Key == name))
                continue;
            var value = string.Join(';', labels.Skip(i).Where(l => l.Key == name).Select(l => l.Value));
            if (bytes.Length > 0)
                bytes.WriteByte((byte)',');
            var start = (int)bytes.Length;
            bytes.Write(Encoding.UTF8.GetBytes(name));
            bytes.Write("=\""u8);
            bytes.Write(PrometheusText.LabelValue(value));
            bytes.WriteByte((byte)'"');
            // To Prometheus an empty label is the same as none: it does not tell series apart.
            if (value.Length > 0)
                pairs.Add(start..(int)bytes.Length);
        }
        return new AttributeSet(bytes.ToArray(), [.. pairs]);
    }
}
