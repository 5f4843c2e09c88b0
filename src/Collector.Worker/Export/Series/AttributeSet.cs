namespace Collector.Worker.Export.Series;

/// <summary>
/// Attributes as an exporter writes them, one after the other in one piece, with what is needed to tell series apart.
/// Immutable.
/// </summary>
internal sealed class AttributeSet
{
    public static readonly AttributeSet Empty = new([], []);

    private readonly Range[] _pairs;

    /// <param name="bytes">All of them.</param>
    /// <param name="pairs">Where each stands that tells series apart; a key occurs once.</param>
    public AttributeSet(byte[] bytes, Range[] pairs)
    {
        Bytes = bytes;
        _pairs = pairs;
        foreach (var pair in pairs)
            Hash = unchecked(Hash + HashOf(bytes.AsSpan(pair)));
    }

    public byte[] Bytes { get; }

    /// <summary>Sum of the attributes' hashes: the same in any order, and additive over sets.</summary>
    public ulong Hash { get; }

    /// <summary>True when (a, b) and (c, d) hold the same attributes, in whichever order.</summary>
    public static bool Same(AttributeSet a, AttributeSet b, AttributeSet c, AttributeSet d)
    {
        if (a.Bytes.AsSpan().SequenceEqual(c.Bytes) && b.Bytes.AsSpan().SequenceEqual(d.Bytes))
            return true;
        // Both ways: over OTLP a row's attribute may repeat one of its column.
        return a._pairs.Length + b._pairs.Length == c._pairs.Length + d._pairs.Length
            && a.IsIn(c, d) && b.IsIn(c, d) && c.IsIn(a, b) && d.IsIn(a, b);
    }

    private bool IsIn(AttributeSet c, AttributeSet d)
    {
        foreach (var pair in _pairs)
        {
            var attribute = Bytes.AsSpan(pair);
            if (!c.Contains(attribute) && !d.Contains(attribute))
                return false;
        }
        return true;
    }

    private bool Contains(ReadOnlySpan<byte> attribute)
    {
        foreach (var pair in _pairs)
        {
            if (Bytes.AsSpan(pair).SequenceEqual(attribute))
                return true;
        }
        return false;
    }

    /// <summary>
    /// FNV-1a, then MurmurHash3's finalizer so that sums of hashes stay spread. A collision costs a comparison.
    /// </summary>
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
