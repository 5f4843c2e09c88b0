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
