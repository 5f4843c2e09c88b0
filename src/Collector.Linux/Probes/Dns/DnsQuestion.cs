using System.Globalization;
using System.Text;

namespace Collector.Linux.Probes.Dns;

/// <summary>The question of a query as it was on the wire (RFC 1035, 4.1.2): whatever bytes a program sent.</summary>
internal static class DnsQuestion
{
    private const int LongestLabel = 63;

    /// <summary>
    /// The name as dig(1) writes it, what is not printable as <c>\DDD</c>; null where none was kept. What does not end
    /// within the bytes that were kept, or is no name, ends with "…".
    /// </summary>
    public static string? Name(ReadOnlySpan<byte> question)
    {
        if (question.IsEmpty || question[0] == 0)
            return question.Length > 1 && question[1..].ContainsAnyExcept((byte)0) ? "." : null;
        var text = new StringBuilder();
        for (var at = 0; at < question.Length; at += question[at] + 1)
        {
            var length = question[at];
            if (length == 0)
                return text.ToString();
            // Others are pointers, which a question has no use for.
            if (length > LongestLabel)
                break;
            foreach (var letter in question.Slice(at + 1, Math.Min(length, question.Length - at - 1)))
                Append(text, letter);
            text.Append('.');
        }
        return text.Append('…').ToString();
    }

    /// <summary>The number of its type; null where it was not kept.</summary>
    public static int? Type(ReadOnlySpan<byte> question)
    {
        var at = 0;
        while (at < question.Length && question[at] is > 0 and <= LongestLabel)
            at += question[at] + 1;
        if (at + 2 >= question.Length || question[at] != 0)
            return null;
        var type = (question[at + 1] << 8) | question[at + 2];
        return type == 0 ? null : type;
    }

    private static void Append(StringBuilder text, byte letter)
    {
        if (letter is (byte)'.' or (byte)'\\')
            text.Append('\\').Append((char)letter);
        else if (letter is > 0x20 and < 0x7f)
            text.Append((char)letter);
        else
            text.Append(CultureInfo.InvariantCulture, $"\\{letter:000}");
    }
}
