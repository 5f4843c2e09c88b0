using System.Text;
using Collector.Core.Events;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Prometheus;

/// <summary>A slow occurrence as an exemplar: the end of a bucket's line of OpenMetrics.</summary>
internal static class PrometheusExemplar
{
    /// <summary>Characters that names and values of an exemplar's labels may have together.</summary>
    private const int MostCharacters = 128;

    /// <summary>
    /// <c> # {trace_id="...",span_id="...",source="...",destination="..."} 0.3 1772625600.123</c>: labels in the
    /// order of what they are good for, as long as there is room.
    /// </summary>
    public static byte[] Encode(Exemplar exemplar)
    {
        var e = exemplar.Event;
        var text = new List<byte>(192);
        text.AddRange(" # {"u8);
        var left = MostCharacters;
        if (e.Trace is { } trace)
        {
            Add(text, "trace_id", trace.TraceId, ref left);
            Add(text, "span_id", trace.SpanId, ref left);
        }
        if (e.Tuple is { } tuple)
        {
            Add(text, "source", tuple.End(tuple.Source, tuple.SourcePort), ref left);
            Add(text, "destination", tuple.End(tuple.Destination, tuple.DestinationPort), ref left);
        }
        if (e.Process is { Command.Length: > 0 } process)
            Add(text, "thread_name", process.Command, ref left);
        text.AddRange("} "u8);
        Span<byte> number = stackalloc byte[PrometheusText.NumberLength];
        text.AddRange(number[..PrometheusText.WriteNumber(number, exemplar.Value)]);
        text.Add((byte)' ');
        text.AddRange(number[..PrometheusText.WriteTime(number, e.Time)]);
        return [.. text];
    }

    private static void Add(List<byte> text, string name, string value, ref int left)
    {
        // Escaped it is no shorter than what its reader counts.
        var escaped = PrometheusText.LabelValue(value);
        var length = name.Length + Encoding.UTF8.GetString(escaped).EnumerateRunes().Count();
        if (length > left)
            return;
        left -= length;
        if (text[^1] != (byte)'{')
            text.Add((byte)',');
        text.AddRange(Encoding.UTF8.GetBytes(name));
        text.AddRange("=\""u8);
        text.AddRange(escaped);
        text.Add((byte)'"');
    }
}
