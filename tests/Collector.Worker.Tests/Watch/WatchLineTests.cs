using Collector.Worker.Watch;

namespace Collector.Worker.Tests.Watch;

/// <summary>Lines of agents of this version, of another, and of no agent at all.</summary>
public sealed class WatchLineTests
{
    [Fact]
    public void A_line_is_read_whole()
    {
        var line = WatchLine.Parse(FakeAgent.Event(7, "packetloss.drop", "lost", """
            "netlens.netns":"4026532314","source.port":8080,"netlens.event.held_back":12,"x.new":{"a":[1]},"ok":true
            """)).ShouldNotBeNull();
        line.Sequence.ShouldBe(7u);
        line.Kind.ShouldBe("packetloss.drop");
        line.Probe.ShouldBe("packetloss");
        line.Severity.ShouldBe("WARN");
        line.Message.ShouldBe("lost");
        line.HeldBack.ShouldBe(12);
        line.IsSummary.ShouldBeFalse();
        (line.Time % 60_000_000_000).ShouldBe(7_123_456_789);
        (line.ObservedTime - line.Time).ShouldBe(100_000_000);
        line["source.port"].ShouldBe("8080");
        line["x.new"].ShouldBe("""{"a":[1]}""");
        line["ok"].ShouldBe("true");
        line["none"].ShouldBeNull();
    }

    [Theory]
    [InlineData("1970-01-01T00:00:00Z", 0L)]
    [InlineData("1970-01-01T00:00:01.5Z", 1_500_000_000L)]
    [InlineData("2026-03-04T12:00:00.123456789Z", 1_772_625_600_123_456_789L)]
    [InlineData("2262-04-11T23:47:16.999999999Z", null)]
    [InlineData("9999-12-31T23:59:59Z", null)]
    [InlineData("2026-03-04T12:00:00.1234567890Z", null)]
    [InlineData("2026-03-04T12:00:00.-1Z", null)]
    [InlineData("2026-03-04T12:00:00", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Times_have_nine_digits(string? text, long? time) => WatchLine.Nanoseconds(text).ShouldBe(time);

    [Fact]
    public void The_number_of_lost_ones_is_no_event()
    {
        var line = WatchLine.Parse("{\"lost\":42}").ShouldNotBeNull();
        line.Lost.ShouldBe(42);
        line.Kind.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("{\"lost\":0}")]
    [InlineData("{\"lost\":\"many\"}")]
    [InlineData("{\"event\":\"netlens.x.y\",\"time\":\"now\",\"message\":\"m\"}")]
    [InlineData("{\"event\":\"netlens.x.y\",\"time\":\"2026-03-04T12:00:00Z\"}")]
    [InlineData("{\"event\":5,\"time\":\"2026-03-04T12:00:00Z\",\"message\":\"m\"}")]
    [InlineData("{\"event\":\"netlens.x.y\",\"time\":\"2026-03-04T12:00:00Z\",\"message\":\"m\"")]
    public void What_is_no_line_of_an_agent_is_none(string text) => WatchLine.Parse(text).ShouldBeNull();

    [Theory]
    [InlineData("{\"event\":\"other.x\",\"time\":\"2026-03-04T12:00:00Z\",\"message\":\"m\"}")]
    [InlineData("{\"event\":\"other.x\",\"time\":\"2026-03-04T12:00:00Z\",\"message\":\"\\ud800\",\"attributes\":[]}")]
    [InlineData("{\"event\":\"other.x\",\"time\":\"2026-03-04T12:00:00Z\",\"message\":\"m\",\"seq\":-1,\"severity\":5,"
        + "\"attributes\":{\"netlens.event.held_back\":-3,\"a\":null}}")]
    public void Little_is_enough(string text)
    {
        var line = WatchLine.Parse(text).ShouldNotBeNull();
        line.Kind.ShouldBe("other.x");
        line.Severity.ShouldBeEmpty();
        line.Sequence.ShouldBe(0u);
        line.HeldBack.ShouldBe(0);
    }
}
