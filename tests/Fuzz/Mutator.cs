using System.Buffers.Binary;

namespace Fuzz.Tests;

/// <summary>Makes inputs of samples. The same number gives the same input, everywhere and always.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, IReadOnlyList<byte[]> words)
{
    public const int LargestInput = 64 * 1024;

    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 32767, 32768,
        65535, 65536, int.MaxValue, 0x8000_0000, uint.MaxValue, long.MaxValue, 0x8000_0000_0000_0000, ulong.MaxValue,
    ];

    /// <summary>One of the samples, changed in one to eight places; every sixteenth is noise.</summary>
    public byte[] Make(ulong number)
    {
        var random = new Random(unchecked((int)Mixed(number)));
        if (random.Next(16) == 0)
            return Noise(random, random.Next(512));
        var input = new List<byte>(seeds[random.Next(seeds.Count)]);
        for (var changes = 1 << random.Next(4); changes > 0; changes--)
            Change(input, random);
        return input.Count <= LargestInput ? [.. input] : [.. input.Take(LargestInput)];
    }

    private void Change(List<byte> input, Random random)
    {
        var at = random.Next(input.Count + 1);
        switch (random.Next(words.Count > 0 ? 10 : 9))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < input.Count:
                input[at] = (byte)random.Next(256);
                break;
            case 2:
                input.InsertRange(at, Noise(random, 1 + random.Next(8)));
                break;
            case 3:
                input.RemoveRange(at, Math.Min(input.Count - at, 1 + random.Next(16)));
                break;
            case 4:
                input.RemoveRange(at, input.Count - at);
                break;
            case 5 or 6:
                Number(input, at, random);
                break;
            case 7:
                input.InsertRange(at, Piece(input, random));
                break;
            case 8:
                input.InsertRange(at, Piece(seeds[random.Next(seeds.Count)], random));
                break;
            case 9:
                input.InsertRange(at, words[random.Next(words.Count)]);
                break;
        }
    }

    // Lengths, counts and numbers, of any width and in either order.
    private static void Number(List<byte> input, int at, Random random)
    {
        Span<byte> bytes = stackalloc byte[8];
        var value = Interesting[random.Next(Interesting.Length)] + (ulong)random.Next(-1, 2);
        var width = Math.Min(1 << random.Next(4), input.Count - at);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        if (random.Next(4) == 0)
            bytes[..width].Reverse();
        for (var i = 0; i < width; i++)
            input[at + i] = bytes[i];
    }

    private static byte[] Piece(IReadOnlyList<byte> of, Random random)
    {
        var from = random.Next(of.Count + 1);
        return [.. of.Skip(from).Take(random.Next(Math.Min(of.Count - from, 256) + 1))];
    }

    private static byte[] Noise(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    // SplitMix64: neighbours have nothing in common.
    private static ulong Mixed(ulong number)
    {
        number += 0x9e37_79b9_7f4a_7c15;
        number = (number ^ (number >> 30)) * 0xbf58_476d_1ce4_e5b9;
        number = (number ^ (number >> 27)) * 0x94d0_49bb_1331_11eb;
        return number ^ (number >> 31);
    }
}
