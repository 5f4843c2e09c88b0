using Collector.Core.Metrics;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Attributes as they stand in a data point: one <c>repeated KeyValue</c> field after the other, once for number points
/// and once for histogram points, whose attributes have another field number. Made when a row appears, not per export.
/// </summary>
internal sealed class EncodedAttributes
{
    public static readonly EncodedAttributes Empty = new([]);

    private byte[]? _histogram;

    private EncodedAttributes(byte[] number) => Set = new AttributeSet(number, [.. Pairs(number)]);

    /// <summary>Equal for equal attributes, in whichever order and however split over two of these.</summary>
    public AttributeSet Set { get; }

    public ReadOnlySpan<byte> ForNumber => Set.Bytes;

    public ReadOnlySpan<byte> ForHistogram => _histogram ??= Retagged();

    public static EncodedAttributes Encode(ReadOnlySpan<Tag> tags)
    {
        if (tags.IsEmpty)
            return Empty;
        var buffer = new ProtoBuffer();
        foreach (var tag in tags)
            Write(buffer, OtlpFields.NumberAttributes, tag);
        return new EncodedAttributes(buffer.Written.ToArray());
    }

    /// <summary>Writes one KeyValue as field <paramref name="field"/>.</summary>
    public static void Write(ProtoBuffer buffer, int field, in Tag tag)
    {
        var value = new ProtoBuffer(64);
        if (tag.Value.IsNumber)
            value.Integer(OtlpFields.AnyInt, tag.Value.Number);
        else
            value.Text(OtlpFields.AnyString, tag.Value.Text);
        var pair = new ProtoBuffer(96);
        pair.Text(OtlpFields.KeyValueKey, tag.Key);
        pair.Bytes(OtlpFields.KeyValueValue, value.Written);
        buffer.Bytes(field, pair.Written);
    }

    private static List<Range> Pairs(byte[] fields)
    {
        var pairs = new List<Range>();
        var reader = new ProtoReader(fields);
        for (var start = 0; reader.Next(); start = fields.Length - reader.Left)
            pairs.Add(start..(fields.Length - reader.Left));
        return pairs;
    }

    private byte[] Retagged()
    {
        var buffer = new ProtoBuffer(Math.Max(Set.Bytes.Length, 1));
        var fields = new ProtoReader(Set.Bytes);
        while (fields.Next())
            buffer.Bytes(OtlpFields.HistogramAttributes, fields.Bytes);
        return buffer.Written.ToArray();
    }
}
