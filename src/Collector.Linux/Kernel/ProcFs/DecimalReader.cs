using Collector.Core.Metrics;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>Decimal numbers as the kernel prints them: digits, a minus sign at most, no blanks.</summary>
public static class DecimalReader
{
    /// <summary>
    /// Reads the number at <paramref name="at"/> and moves behind it. A number beyond 63 bits is given as
    /// <see cref="Metric.Absent"/>: it is a negative figure that the kernel printed as unsigned (a per-CPU sum caught
    /// in between), not a value.
    /// </summary>
    /// <returns>False when there is no number or it has more than 64 bits.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, ref int at, out long value)
    {
        var i = at;
        var negative = (uint)i < (uint)text.Length && text[i] == (byte)'-';
        if (negative)
            i++;
        var first = i;
        ulong number = 0;
        while ((uint)i < (uint)text.Length)
        {
            var digit = (uint)(text[i] - '0');
            if (digit > 9)
                break;
            number = number * 10 + digit;
            i++;
        }
        var digits = i - first;
        // 19 digits always fit 64 bits, 20 may: then the library decides.
        if (digits is 0 or > 20 || (digits == 20 && !ulong.TryParse(text[first..i], out number)))
        {
            value = Metric.Absent;
            return false;
        }
        at = i;
        value = number > long.MaxValue ? Metric.Absent : negative ? -(long)number : (long)number;
        return true;
    }

    /// <summary>
    /// Reads exactly as many numbers as there are places, each behind one blank, up to the end of the line.
    /// </summary>
    public static bool TryReadAll(ReadOnlySpan<byte> line, Span<long> values) => TryReadAll(line, values, out _);

    /// <summary>The same; <paramref name="absent"/> where one of them was beyond 63 bits.</summary>
    public static bool TryReadAll(ReadOnlySpan<byte> line, Span<long> values, out bool absent)
    {
        absent = false;
        var at = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if ((uint)at >= (uint)line.Length || line[at] != (byte)' ')
                return false;
            // Most counters of most namespaces are 0: one digit between two blanks.
            if ((uint)(at + 2) < (uint)line.Length && line[at + 2] == (byte)' ' && (uint)(line[at + 1] - '0') <= 9)
            {
                values[i] = line[at + 1] - '0';
                at += 2;
                continue;
            }
            at++;
            if (!TryRead(line, ref at, out values[i]))
                return false;
            absent |= values[i] == Metric.Absent;
        }
        return at == line.Length;
    }
}
