using Collector.Core.Probes;

namespace Collector.Core.Tests.Probes;

/// <summary>Parts of a whole: exact where a double is not.</summary>
public sealed class ShareTests
{
    [Theory]
    [InlineData(50, 5, 1000, true)]
    [InlineData(50, 4, 1000, false)]
    [InlineData(50, 5, 1001, false)]
    [InlineData(10, 1, 1000, true)]
    [InlineData(0, 0, 0, true)]
    [InlineData(50, 0, 0, true)]
    [InlineData(10_000, long.MaxValue, long.MaxValue, true)]
    [InlineData(10_000, long.MaxValue - 1, long.MaxValue, false)]
    public void A_part_is_reached_or_not(long parts, long part, long whole, bool reached) =>
        new Share(parts).IsReached(part, whole).ShouldBe(reached);

    [Theory]
    [InlineData("5%", "5%")]
    [InlineData("5", "5%")]
    [InlineData("0.5 %", "0.5%")]
    [InlineData("0.25%", "0.25%")]
    [InlineData("100%", "100%")]
    [InlineData("0", "0%")]
    [InlineData("007.50%", "7.5%")]
    public void A_text_is_read_and_written(string text, string written) =>
        Share.Parse(text).ToString().ShouldBe(written);

    [Theory]
    [InlineData("")]
    [InlineData("%")]
    [InlineData("-5%")]
    [InlineData("0.125%")]
    [InlineData("5 percent")]
    [InlineData("1e3")]
    [InlineData("1,000")]
    [InlineData("99999999999999999999999999999999")]
    public void What_is_none_is_refused(string text) => Share.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData(50, "0.5 %")]
    [InlineData(5000, "50 %")]
    public void A_sentence_has_a_space_in_it(long parts, string words) =>
        Option.Part("share", new Share(parts), "all", "A reason.").InWords.ShouldBe(words);
}
