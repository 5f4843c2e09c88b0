using System.Text;

namespace Collector.Worker.Commands;

/// <summary>A key that means something here.</summary>
internal enum TopKeyKind
{
    Letter,
    Enter,
    Escape,
    Tab,
    BackTab,
    Erase,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// <summary>A key.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Letter">Of a letter.</param>
internal readonly record struct TopKey(TopKeyKind Kind, Rune Letter = default)
{
    private const byte Escape = 0x1b;

    public static TopKey Of(char letter) => new(TopKeyKind.Letter, new Rune(letter));

    /// <summary>The keys that a terminal has sent. What is not known is left out as a whole.</summary>
    public static IEnumerable<TopKey> Parse(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            if (bytes[at] == Escape)
            {
                if (Sequence(bytes, ref at) is { } kind)
                    yield return new(kind);
                continue;
            }
            var status = Rune.DecodeFromUtf8(bytes.AsSpan(at), out var letter, out var length);
            at += Math.Max(length, 1);
            if (status == System.Buffers.OperationStatus.Done && Of(letter) is { } key)
                yield return key;
        }
    }

    /// <summary>Whether the last key is there in part, as far as can be told: the rest may be on its way.</summary>
    public static bool IsBegun(ReadOnlySpan<byte> bytes)
    {
        var place = bytes.LastIndexOf(Escape);
        if (place >= 0)
        {
            var rest = bytes[(place + 1)..];
            if (rest.IsEmpty || rest.SequenceEqual("[["u8))
                return true;
            if (rest[0] is (byte)'[' or (byte)'O' && rest[1..].IndexOfAnyExceptInRange((byte)' ', (byte)'?') < 0)
                return true;
        }
        const int LongestPart = 3;
        for (var length = 1; length <= Math.Min(LongestPart, bytes.Length); length++)
        {
            if (Rune.DecodeFromUtf8(bytes[^length..], out _, out _) == System.Buffers.OperationStatus.NeedMoreData)
                return true;
        }
        return false;
    }

    private static TopKey? Of(Rune letter) => letter.Value switch
    {
        '\r' or '\n' => new(TopKeyKind.Enter),
        '\t' => new(TopKeyKind.Tab),
        '\b' or 0x7f => new(TopKeyKind.Erase),
        _ => Rune.IsControl(letter) ? null : new(TopKeyKind.Letter, letter),
    };

    // ESC [ parameters letter, ESC O letter, or the key itself; with Alt it is as if a letter were typed behind it.
    private static TopKeyKind? Sequence(byte[] bytes, ref int at)
    {
        at++;
        if (at >= bytes.Length || bytes[at] == Escape)
            return TopKeyKind.Escape;
        if (bytes[at] is not ((byte)'[' or (byte)'O'))
            return TopKeyKind.Escape;
        var from = ++at;
        if (at < bytes.Length && bytes[at - 1] == (byte)'[' && bytes[at] == (byte)'[')
        {
            // A function key of the console of Linux: ESC [ [ letter.
            at = Math.Min(at + 2, bytes.Length);
            return null;
        }
        while (at < bytes.Length && bytes[at] is >= (byte)' ' and <= (byte)'?')
            at++;
        if (at >= bytes.Length)
            return null;
        var parameter = Encoding.ASCII.GetString(bytes, from, at - from).Split(';')[0];
        return (char)bytes[at++] switch
        {
            'A' => TopKeyKind.Up,
            'B' => TopKeyKind.Down,
            'C' => TopKeyKind.Right,
            'D' => TopKeyKind.Left,
            'H' => TopKeyKind.Home,
            'F' => TopKeyKind.End,
            'Z' => TopKeyKind.BackTab,
            '~' => parameter switch
            {
                "1" or "7" => TopKeyKind.Home,
                "4" or "8" => TopKeyKind.End,
                "5" => TopKeyKind.PageUp,
                "6" => TopKeyKind.PageDown,
                _ => null,
            },
            _ => null,
        };
    }
}
