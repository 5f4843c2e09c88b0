using System.Globalization;
using Collector.Core.Metrics;

namespace Collector.Core.Tests.Metrics;

/// <summary>Stored integers in exported units: the double nearest to the true value, and no other.</summary>
public sealed class ScaledTests
{
    [Theory]
    [InlineData(200, 1e-6, "0.0002")]
    [InlineData(3, 1.0 / 1_000_000, "3E-06")]
    [InlineData(123456789, 1e-9, "0.123456789")]
    [InlineData(7, 1e-7, "7E-07")]
    [InlineData(5, 4, "20")]
    [InlineData(5, 1, "5")]
    [InlineData(2, 0.3, "0.6")]
    [InlineData(-200, 1e-6, "-0.0002")]
    public void Shortest(long stored, double scale, string text) =>
        Metric.Scaled(stored, scale).ToString(CultureInfo.InvariantCulture).ShouldBe(text);

    [Fact]
    public void Every_thousandth_is_what_its_decimal_text_parses_to()
    {
        for (var stored = 0; stored < 100_000; stored++)
        {
            Metric.Scaled(stored, 1e-9).ShouldBe((double)(stored / 1_000_000_000m));
            Metric.Scaled(stored, 1e-6).ShouldBe((double)(stored / 1_000_000m));
        }
    }
}
