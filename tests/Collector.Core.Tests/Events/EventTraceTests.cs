using Collector.Core.Events;

namespace Collector.Core.Tests.Events;

public sealed class EventTraceTests
{
    private static readonly EventInfo Slow = new()
    {
        Name = "netlens.test.slow", Severity = EventSeverity.Warn, Description = "Slow.", IsTimed = true,
    };

    private static readonly NetworkEvent Sample = new()
    {
        Info = Slow, Time = 5_000, Start = 1_000, ObservedTime = 6_000, Message = "it took long",
    };

    [Fact]
    public void An_occurrence_has_the_same_ids_whoever_asks() =>
        EventTrace.Of(Sample with { }, "a").ShouldBe(EventTrace.Of(Sample, "a"));

    [Fact]
    public void Others_have_others()
    {
        EventTrace[] all =
        [
            EventTrace.Of(Sample, "a"), EventTrace.Of(Sample, "b"), EventTrace.Of(Sample with { Time = 5_001 }, "a"),
            EventTrace.Of(Sample with { Start = 1_001 }, "a"), EventTrace.Of(Sample with { Message = "other" }, "a"),
        ];
        all.Select(t => t.TraceId).Distinct().Count().ShouldBe(all.Length);
        all.Select(t => t.SpanId).Distinct().Count().ShouldBe(all.Length);
    }

    [Fact]
    public void Ids_are_written_in_full()
    {
        var trace = new EventTrace(0x0102, 0x0304, 0x05);
        trace.TraceId.ShouldBe("00000000000001020000000000000304");
        trace.SpanId.ShouldBe("0000000000000005");
        var bytes = new byte[16];
        trace.PutTraceId(bytes);
        Convert.ToHexStringLower(bytes).ShouldBe(trace.TraceId);
        trace.PutSpanId(bytes);
        Convert.ToHexStringLower(bytes[..8]).ShouldBe(trace.SpanId);
    }
}
