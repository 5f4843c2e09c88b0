using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Worker.Commands;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Tests.Events;

public sealed class EventDocsTests
{
    [Fact]
    public void The_list_has_each_kind_with_its_fields_and_legacy_types()
    {
        var probe = new ProbeInfo
        {
            Id = "test", Description = "A probe.", Source = "nowhere", Tables = [], Events = [EventSamples.Kind],
        };
        EventDocs.List([probe]).ShouldEndWith(
            "| `netlens.test.reset` | test | WARN | `netlens.test.state`, `netlens.test.errno`, `netlens.test.unknown` "
            + "|  |  | A connection was reset. |\n");
        EventDocs.List([]).ShouldEndWith("\nNo probe reports events yet.\n");
    }

    [Fact]
    public void The_common_attributes_are_those_that_events_have()
    {
        var attributes = new List<KeyValuePair<string, object?>>();
        var identity = new SubjectNames("a", "b", "c", "d")
        {
            ContainerName = "e", ContainerId = "f", Unit = "g",
        };
        var kind = new EventInfo
        {
            Name = "netlens.tcpreset.received", Severity = EventSeverity.Warn, Description = "It has both old types.",
            Fields = [new("network.connection.state")],
        };
        var e = EventSamples.Full();
        e = e with
        {
            Info = kind,
            Fields = ["established"],
            Subject = new NetNamespace(1, 1, false, 0, identity),
            Tuple = e.Tuple! with { SourcePod = "a/b", DestinationPod = "c/d" },
            Process = e.Process! with { Pod = "e/f" },
        };
        EventAttributes.Add(e, attributes);

        var own = kind.Fields.Select(f => f.Key).ToArray();
        attributes.Where(a => !own.Contains(a.Key))
            .Select(a => (a.Key, a.Value switch { long => "int", bool => "bool", _ => "text" }))
            .ShouldBe(EventAttributes.Common.Select(c => (c.Key, c.Type)));
    }
}
