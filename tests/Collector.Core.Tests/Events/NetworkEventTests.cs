using Collector.Core.Events;

namespace Collector.Core.Tests.Events;

public sealed class NetworkEventTests
{
    private static readonly NetworkEvent Event = new()
    {
        Info = new()
        {
            Name = "netlens.test.event", Severity = EventSeverity.Warn, Description = "It happened.",
            Fields = [new("a"), new("b")],
        },
        Time = 100, ObservedTime = 101, Message = "", Fields = ["x", null],
    };

    [Fact]
    public void Its_severity_is_that_of_its_kind_unless_it_says_another()
    {
        Event.Severity.ShouldBe(EventSeverity.Warn);
        (Event with { Severity = EventSeverity.Error }).Severity.ShouldBe(EventSeverity.Error);
    }

    [Fact]
    public void What_took_time_ended_when_it_happened()
    {
        (Event.Start, Event.Duration).ShouldBe((null, null));
        (Event with { Start = 60 }).Duration.ShouldBe(40);
    }

    [Fact]
    public void No_outlet_has_to_reckon_with_more_stations()
    {
        var station = new EventStation("x", 1, 2);
        (Event with { Stations = [.. Enumerable.Repeat(station, NetworkEvent.MostStations)] }).Stations.Count
            .ShouldBe(NetworkEvent.MostStations);
        Should.Throw<ArgumentOutOfRangeException>(() =>
            Event with { Stations = [.. Enumerable.Repeat(station, NetworkEvent.MostStations + 1)] });
    }

    [Fact]
    public void A_field_is_found_by_its_key()
    {
        Event.Field("a")?.Text.ShouldBe("x");
        Event.Field("b").ShouldBeNull();
        Event.Field("c").ShouldBeNull();
    }
}
