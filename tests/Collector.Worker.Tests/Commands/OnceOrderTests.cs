using Collector.Core.Subjects;
using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Commands;

public sealed class OnceOrderTests
{
    [Fact]
    public void What_was_found_comes_in_its_order_after_the_machine_and_the_newest_others_before_it()
    {
        Subject?[] expected =
        [
            new(SubjectKind.Stranger, 1, 2, 0), new(SubjectKind.Stranger, 1, 1, 0),
            new(SubjectKind.Container, 1, 3, 0), new(SubjectKind.Pod, 1, 1, 0),
            null, new NetNamespace(1, 1, true, 0), new NetNamespace(2, 2, false, 0), new NetNamespace(3, 3, false, 0),
        ];
        expected.Reverse().OrderBy(OnceTable.PlaceOf).ShouldBe(expected);
    }
}
