using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Tests.Probes;

/// <summary>Whom an event concerns, in its line for people.</summary>
public sealed class OwnerTextTests
{
    private static readonly EventInfo Info = new()
    {
        Name = "test", Severity = EventSeverity.Info, Description = "A test.", Fields = [], LegacyTypes = [],
    };

    private static string Text(SubjectNames? names, EventProcess? process) => OwnerText.Of(new NetworkEvent
    {
        Info = Info,
        Time = 1,
        ObservedTime = 1,
        Message = "",
        Subject = names is null ? null : new Subject(SubjectKind.Namespace, 1, 1, 1, names),
        Process = process,
    });

    [Fact]
    public void Says_what_is_known_and_no_more()
    {
        var curl = new EventProcess(4711, 4711, "curl");
        Text(null, null).ShouldBe("");
        Text(SubjectNames.None, new EventProcess(0, 0, "swapper/0")).ShouldBe("");
        Text(new("blue"), curl).ShouldBe(", namespace blue, while curl[4711] ran");
        Text(new("cni-1", "shop", "web-0", "uid"), curl with { Pod = "front/client-0" })
            .ShouldBe(", pod shop/web-0, while curl[4711] of pod front/client-0 ran");
        Text(new("cni-1", "shop", "web-0", "uid") { ContainerName = "nginx", ContainerId = "0123456789abcdef" }, null)
            .ShouldBe(", pod shop/web-0 (nginx)");
        Text(new() { ContainerId = "0123456789abcdef" }, null).ShouldBe(", container 0123456789ab");
        Text(new() { Unit = "nginx.service" }, null).ShouldBe(", unit nginx.service");
    }
}
