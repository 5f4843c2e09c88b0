namespace Backends.Tests;

/// <summary>Decodes snappy's block format as its format_description.txt has it; shares no code with the encoder.</summary>
internal static class SnappyBlock
{
    public static byte[] Decode(ReadOnlySpan<byte> block)
    {
        var length = 0;
        var shift = 0;
        var at = 0;
        do
            length |= (block[at] & 0x7F) << (7 * shift++);
        while (block[at++] >= 0x80);
        var into = new byte[length];
        var done = 0;
        while (at < block.Length)
        {
            var tag = block[at++];
            if ((tag & 3) == 0)
            {
                var size = Literal(block, tag >> 2, ref at);
                block.Slice(at, size).CopyTo(into.AsSpan(done));
                (at, done) = (at + size, done + size);
                continue;
            }
            var (count, offset) = Copy(block, tag, ref at);
            offset.ShouldBeInRange(1, done);
            // Byte by byte: a copy may overlap what it makes.
            for (var i = 0; i < count; i++, done++)
                into[done] = into[done - offset];
        }
        done.ShouldBe(length);
        return into;
    }

    private static int Literal(ReadOnlySpan<byte> block, int size, ref int at)
    {
        if (size < 60)
            return size + 1;
        var bytes = size - 59;
        var length = Number(block.Slice(at, bytes));
        at += bytes;
        return length + 1;
    }

    private static (int Count, int Offset) Copy(ReadOnlySpan<byte> block, byte tag, ref int at)
    {
        if ((tag & 3) == 1)
            return (4 + ((tag >> 2) & 7), ((tag >> 5) << 8) | block[at++]);
        var bytes = (tag & 3) == 2 ? 2 : 4;
        var offset = Number(block.Slice(at, bytes));
        at += bytes;
        return ((tag >> 2) + 1, offset);
    }

    private static int Number(ReadOnlySpan<byte> littleEndian)
    {
        var number = 0;
        for (var i = littleEndian.Length - 1; i >= 0; i--)
            number = (number << 8) | littleEndian[i];
        return number;
    }
}
