using System.Buffers.Text;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>Walks the lines of a kernel text file without copying.</summary>
public ref struct LineReader(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> _rest = text;

    /// <summary>The next line without its line feed; false at the end.</summary>
    public bool TryNext(out ReadOnlySpan<byte> line)
    {
        if (_rest.IsEmpty)
        {
            line = default;
            return false;
        }
        var end = _rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            line = _rest;
            _rest = default;
        }
        else
        {
            line = _rest[..end];
            _rest = _rest[(end + 1)..];
        }
        return true;
    }
}

/// <summary>Walks the blank-separated fields of a line.</summary>
public ref struct FieldReader(ReadOnlySpan<byte> line)
{
    private ReadOnlySpan<byte> _rest = line;

    /// <summary>The next field; false at the end of the line.</summary>
    public bool TryNext(out ReadOnlySpan<byte> field)
    {
        var rest = _rest;
        var start = 0;
        while (start < rest.Length && rest[start] is (byte)' ' or (byte)'\t' or (byte)'\r')
            start++;
        if (start == rest.Length)
        {
            _rest = default;
            field = default;
            return false;
        }
        rest = rest[start..];
        var end = rest.IndexOfAny((byte)' ', (byte)'\t', (byte)'\r');
        if (end < 0)
            end = rest.Length;
        field = rest[..end];
        _rest = rest[end..];
        return true;
    }

    /// <summary>The next field as a decimal number; false when there is none or it is something else.</summary>
    public bool TryNextNumber(out long value)
    {
        value = 0;
        return TryNext(out var field) && TryParse(field, out value);
    }

    /// <summary>The next field as a hexadecimal number without prefix.</summary>
    public bool TryNextHex(out ulong value)
    {
        value = 0;
        return TryNext(out var field)
            && Utf8Parser.TryParse(field, out value, out var used, 'X') && used == field.Length;
    }

    /// <summary>
    /// A whole field as a signed 64-bit number. A u64 above 2^63 (a 64-bit counter's last half) is refused: no kernel
    /// counter gets there, so it is a sign of another format.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> field, out long value) =>
        Utf8Parser.TryParse(field, out value, out var used) && used == field.Length;
}
