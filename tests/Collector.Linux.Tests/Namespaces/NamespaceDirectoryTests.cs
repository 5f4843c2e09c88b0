using Collector.Core.Subjects;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Tests.Namespaces;

/// <summary>Who is behind the number in a kernel record that comes late.</summary>
public sealed class NamespaceDirectoryTests
{
    private const int Pod = 1;

    private readonly NamespaceDirectory _directory = new();

    [Fact]
    public void One_that_ended_is_known_however_many_users_make_and_end()
    {
        var pod = End(Pod);
        for (var inode = 2u; inode < 10_000; inode++)
            End(inode, rootless: true);
        _directory.Find(Pod, Pod).ShouldBeSameAs(pod);
        _directory.IsDead(pod).ShouldBeTrue();
        // Of theirs the last ones are.
        _directory.Find(2, 2).ShouldNotBeNull().Kind.ShouldBe(SubjectKind.Stranger);
        _directory.Find(9999, 9999).ShouldNotBeNull().Kind.ShouldBe(SubjectKind.Namespace);
    }

    [Fact]
    public void Those_that_ended_are_forgotten_when_there_are_too_many()
    {
        End(Pod);
        for (var inode = 2u; inode < 10_000; inode++)
            End(inode);
        _directory.Find(Pod, Pod).ShouldNotBeNull().Kind.ShouldBe(SubjectKind.Stranger);
    }

    private NetNamespace End(uint inode, bool rootless = false)
    {
        var ns = new NetNamespace(inode, inode, isHost: false, 0) { Cookie = inode, Rootless = rootless };
        _directory.Add(ns);
        _directory.Remove(ns);
        return ns;
    }
}
