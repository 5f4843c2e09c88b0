using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Tests.Probes;

/// <summary>Questions as programs send them, good and bad.</summary>
public sealed class DnsQuestionTests
{
    private static byte[] Padded(params byte[] bytes) => [.. bytes, .. new byte[128 - bytes.Length]];

    [Fact]
    public void A_name_and_its_type()
    {
        var question = Padded(3, (byte)'w', (byte)'e', (byte)'b', 2, (byte)'d', (byte)'e', 0, 0, 28, 0, 1);
        DnsQuestion.Name(question).ShouldBe("web.de.");
        DnsQuestion.Type(question).ShouldBe(28);
    }

    [Fact]
    public void The_root_and_nothing()
    {
        DnsQuestion.Name(Padded(0, 0, 2, 0, 1)).ShouldBe(".");
        DnsQuestion.Type(Padded(0, 0, 2, 0, 1)).ShouldBe(2);
        DnsQuestion.Name(new byte[128]).ShouldBeNull();
        DnsQuestion.Type(new byte[128]).ShouldBeNull();
        DnsQuestion.Name([]).ShouldBeNull();
        DnsQuestion.Type([]).ShouldBeNull();
    }

    [Fact]
    public void What_is_not_printable_is_written_as_numbers()
    {
        var question = Padded(5, (byte)'a', (byte)'.', 0, 0xff, (byte)'\\', 0, 0, 1, 0, 1);
        DnsQuestion.Name(question).ShouldBe(@"a\.\000\255\\.");
    }

    [Fact]
    public void What_is_no_name_or_does_not_end_says_so()
    {
        DnsQuestion.Name(Padded(1, (byte)'a', 0xc0, 12, 0, 1, 0, 1)).ShouldBe("a.…");
        DnsQuestion.Type(Padded(1, (byte)'a', 0xc0, 12, 0, 1, 0, 1)).ShouldBeNull();
        DnsQuestion.Name([3, (byte)'a']).ShouldBe("a.…");
        var letters = new byte[128];
        for (var at = 0; at < letters.Length; at += 64)
            letters[at] = 63;
        letters.AsSpan().Replace((byte)0, (byte)'x');
        DnsQuestion.Name(letters).ShouldBe($"{new string('x', 63)}.{new string('x', 63)}.…");
        DnsQuestion.Type(letters).ShouldBeNull();
    }

    [Fact]
    public void No_bytes_harm_it()
    {
        var random = new Random(1);
        var bytes = new byte[128];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            var length = random.Next(bytes.Length + 1);
            DnsQuestion.Name(bytes.AsSpan(0, length));
            DnsQuestion.Type(bytes.AsSpan(0, length));
        }
    }
}
