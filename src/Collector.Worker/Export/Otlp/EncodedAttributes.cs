using Collector.Core.Metrics;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Attributes as they stand in a data point: one <c>repeated KeyValue</c> field after the other, once for number points
/// and once for histogram points, whose attributes have another field number. Made when a row appears, not per export.
/// </summary>
internal sealed class EncodedAttributes
{
    public static readonly EncodedAttributes Empty = new([]);

    private readonly byte[] _number;
    private byte[]? _histogram;

    private EncodedAttributes(byte[] number)
    {
        _number = number;
        var rest = new ProtoReader(number);
        while (rest.Next())
            Hash += HashOf(rest.Bytes);
    }

    /// <summary>Equal for equal sets of attributes, in whichever order and however split over two of these.</summary>
    public ulong Hash { get; }

    public ReadOnlySpan<byte> ForNumber => _number;

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

    /// <summary>True when (a, b) and (c, d) hold the same attributes. Called only where the hashes agree.</summary>
    public static bool SameSet(EncodedAttributes a, EncodedAttributes b, EncodedAttributes c, EncodedAttributes d)
    {
        if (a._number.AsSpan().SequenceEqual(c._number) && b._number.AsSpan().SequenceEqual(d._number))
            return true;
        return a._number.Length + b._number.Length == c._number.Length + d._number.Length
            && Within(a, c, d) && Within(b, c, d) && Within(c, a, b) && Within(d, a, b);
    }

    private static bool Within(EncodedAttributes part, EncodedAttributes first, EncodedAttributes second)
    {
        var fields = new ProtoReader(part._number);
        while (fields.Next())
        {
            if (!first.Has(fields.Bytes) && !second.Has(fields.Bytes))
                return false;
        }
        return true;
    }

    private bool Has(ReadOnlySpan<byte> pair)
    {
        var fields = new ProtoReader(_number);
        while (fields.Next())
        {
            if (fields.Bytes.SequenceEqual(pair))
                return true;
        }
        return false;
    }

    private byte[] Retagged()
    {
        var buffer = new ProtoBuffer(Math.Max(_number.Length, 1));
        var fields = new ProtoReader(_number);
        while (fields.Next())
            buffer.Bytes(OtlpFields.HistogramAttributes, fields.Bytes);
        return buffer.Written.ToArray();
    }

    /// <summary>FNV-1a over the bytes, then MurmurHash3's finalizer so that sums of hashes spread well.</summary>
    private static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in bytes)
            hash = unchecked((hash ^ b) * 1099511628211UL);
        hash = unchecked((hash ^ (hash >> 33)) * 0xff51afd7ed558ccdUL);
        hash = unchecked((hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53UL);
        return hash ^ (hash >> 33);
    }
}
