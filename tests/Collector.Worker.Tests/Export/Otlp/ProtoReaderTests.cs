using Collector.Worker.Export.Otlp;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Worker.Tests.Export.Otlp;

/// <summary>Answers of servers are any bytes.</summary>
public sealed class ProtoReaderTests
{
    [Fact]
    public void Any_bytes_are_read_to_an_end_within_them() =>
        Prop.ForAll(ArbMap.Default.GeneratorFor<byte[]>().ToArbitrary(), static bytes =>
        {
            var reader = new ProtoReader(bytes);
            var fields = 0;
            while (reader.Next())
                fields++;
            var after = reader.Next();
            OtlpResponse.RetryDelay(bytes);
            OtlpResponse.StatusMessage(bytes);
            return fields <= bytes.Length && !after
                && OtlpResponse.Accepted(bytes).Failure is null or OtlpFailure.BadResponse;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(new byte[] { 0x08, 0x96, 0x01 }, 1, 150UL)]
    [InlineData(new byte[] { 0x11, 1, 0, 0, 0, 0, 0, 0, 0 }, 2, 1UL)]
    [InlineData(new byte[] { 0x1d, 2, 0, 0, 0 }, 3, 2UL)]
    [InlineData(new byte[] { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 }, 1, ulong.MaxValue)]
    public void Numbers_are_read_in_each_of_their_forms(byte[] bytes, int field, ulong number)
    {
        var reader = new ProtoReader(bytes);

        reader.Next().ShouldBeTrue();

        (reader.Field, reader.Number).ShouldBe((field, number));
        reader.Next().ShouldBeFalse();
        reader.Malformed.ShouldBeFalse();
    }

    [Theory]
    [InlineData(new byte[] { 0x08 })]
    [InlineData(new byte[] { 0x08, 0x80 })]
    [InlineData(new byte[] { 0x0a, 0x05, 1, 2 })]
    [InlineData(new byte[] { 0x11, 1, 2 })]
    [InlineData(new byte[] { 0x0b })]
    [InlineData(new byte[] { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 })]
    public void What_ends_too_early_is_malformed(byte[] bytes)
    {
        var reader = new ProtoReader(bytes);

        reader.Next().ShouldBeFalse();
        reader.Malformed.ShouldBeTrue();
    }

    [Fact]
    public void Texts_of_servers_are_made_printable_and_short()
    {
        OtlpResponse.Printable("a\r\nb\u001b[31m\u202e").ShouldBe("a  b [31m ");
        OtlpResponse.Printable(new string('x', 10_000)).Length.ShouldBe(300);
    }
}
