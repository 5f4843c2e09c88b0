using System.Text;

namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// A run of labels as they stand in a line, <c>a="1",b="2"</c>, with what is needed to tell series apart. Immutable.
/// </summary>
internal sealed class LabelBlock
{
    public static readonly LabelBlock Empty = new([], []);

    private readonly Range[] _pairs;

    private LabelBlock(byte[] bytes, Range[] pairs)
    {
        Bytes = bytes;
        _pairs = pairs;
        foreach (var pair in pairs)
            Hash += HashOf(bytes.AsSpan(pair));
    }

    public byte[] Bytes { get; }

    /// <summary>Sum of the labels' hashes: the same in any order, and additive over blocks.</summary>
    public ulong Hash { get; }

    /// <summary>Encodes labels in the given order.</summary>
    /// <remarks>
    /// Two keys that become the same label name are joined with a semicolon, as the OpenTelemetry specification asks: a
    /// name that occurs twice in a line makes Prometheus throw the whole page away.
    /// </remarks>
    public static LabelBlock Create(IReadOnlyList<KeyValuePair<string, string>> labels)
    {
        if (labels.Count == 0)
            return Empty;
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
        return new(bytes.ToArray(), [.. pairs]);
    }

    /// <summary>True when (a, b) and (c, d) are the same set of labels, whatever their order.</summary>
    public static bool SameSet(LabelBlock a, LabelBlock b, LabelBlock c, LabelBlock d)
    {
        if (a.Bytes.AsSpan().SequenceEqual(c.Bytes) && b.Bytes.AsSpan().SequenceEqual(d.Bytes))
            return true;
        // Names are unique within a series, so equal counts and inclusion are equality.
        return a._pairs.Length + b._pairs.Length == c._pairs.Length + d._pairs.Length
            && a.IsIn(c, d) && b.IsIn(c, d);
    }

    private bool IsIn(LabelBlock c, LabelBlock d)
    {
        foreach (var pair in _pairs)
        {
            var label = Bytes.AsSpan(pair);
            if (!c.Contains(label) && !d.Contains(label))
                return false;
        }
        return true;
    }

    private bool Contains(ReadOnlySpan<byte> label)
    {
        foreach (var pair in _pairs)
        {
            if (Bytes.AsSpan(pair).SequenceEqual(label))
                return true;
        }
        return false;
    }

    /// <summary>
    /// FNV-1a, then a mix so that sums of hashes stay spread. A collision costs a comparison, nothing else.
    /// </summary>
    private static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in bytes)
            hash = (hash ^ b) * 1099511628211UL;
        hash ^= hash >> 33;
        hash *= 0xff51afd7ed558ccdUL;
        return hash ^ (hash >> 33);
    }
}
