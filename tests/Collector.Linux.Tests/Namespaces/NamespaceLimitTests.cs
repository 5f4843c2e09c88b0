using Collector.Linux.Kernel;
using Collector.Linux.Limits;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Namespaces;

/// <summary>What a user without rights can and cannot do to the number of namespaces that are read.</summary>
[Collection(AloneCollection.Name)]
public sealed class NamespaceLimitTests : IDisposable
{
    private readonly List<IDisposable> _cleanup = [];
    private long _now;

    [RequiresRootFact("setpriv", "unshare")]
    public void Of_300_namespaces_of_a_user_the_oldest_are_read_and_the_others_counted()
    {
        using var pod = new TestNetns();
        var host = Limited(new() { Rootless = 20 });
        using var user = AnyUser.WithNamespaces(300);
        ShouldBe(host, read: 20, leftOut: 280);
        var chosen = Rootless(host);
        for (var i = 0; i < 3; i++)
        {
            ShouldBe(host, read: 20, leftOut: 280);
            Rootless(host).ShouldBe(chosen, "who is in stays in");
        }
        host.Namespaces.All.Single(n => n.Namespace.Inode == pod.Inode).Namespace.Rootless.ShouldBeFalse();

        // Places that become free go to the oldest that wait, who count from when they were found.
        user.End(100);
        ShouldBe(host, read: 20, leftOut: 180);
        host.Namespaces.All.Where(n => n.Namespace.Rootless).ShouldAllBe(n => n.Namespace.StartTime <= 2);

        // Root's are found as ever, also those without a mount.
        using var later = new TestNetns();
        using var service = AnyUser.OfRoot();
        Refresh(host);
        host.Namespaces.Find(later.Inode).ShouldNotBeNull();
        host.Namespaces.Find(service.Inode).ShouldNotBeNull().Namespace.Rootless.ShouldBeFalse();
    }

    [RequiresRootFact("setpriv", "unshare")]
    public void One_that_is_left_out_is_read_once_root_mounts_it()
    {
        var host = Limited(new() { Rootless = 0 });
        using var user = AnyUser.InNamespace();
        ShouldBe(host, read: 0, leftOut: 1);
        var name = $"nl-lim-{Environment.ProcessId}";
        Shell.Run("ip", "netns", "attach", name, $"{user.Pid}");
        try
        {
            ShouldBe(host, read: 0, leftOut: 0);
            var found = host.Namespaces.Find(user.Inode).ShouldNotBeNull().Namespace;
            found.Names.NetnsName.ShouldBe(name);
            found.Rootless.ShouldBeFalse();
        }
        finally
        {
            Shell.Run("ip", "netns", "del", name);
        }
    }

    [RequiresRootFact]
    public void Roots_own_have_a_limit_too_and_what_a_user_has_does_not_count_in_it()
    {
        using var user = AnyUser.WithNamespaces(5);
        var others = Limited(new()).Namespaces.All.Count(n => !n.Namespace.Rootless);
        var host = Limited(new() { Namespaces = others + 2 });
        for (var i = 0; i < 4; i++)
            _cleanup.Add(new TestNetns());
        Refresh(host);
        host.Namespaces.All.Count(n => !n.Namespace.Rootless).ShouldBe(others + 2);
        host.Limits.Namespaces.LeftOut.ShouldBe(2);
        Refresh(host);
        host.Limits.Namespaces.LeftOut.ShouldBe(2);
        host.Limits.Namespaces.ToString().ShouldBe($"2 namespaces are left out: limits.namespaces is {others + 2}");
    }

    private LinuxHost Limited(LimitOptions limits)
    {
        var host = new LinuxHost(new KernelPaths(), limits: limits);
        _cleanup.Add(host);
        Refresh(host);
        return host;
    }

    // A process is seen in two successive looks after its birth.
    private void ShouldBe(LinuxHost host, int read, int leftOut)
    {
        Refresh(host);
        Refresh(host);
        Rootless(host).Length.ShouldBe(read);
        host.Limits.Rootless.LeftOut.ShouldBe(leftOut);
    }

    private static ulong[] Rootless(LinuxHost host) =>
        [.. host.Namespaces.All.Where(n => n.Namespace.Rootless).Select(n => n.Namespace.Inode)];

    private void Refresh(LinuxHost host) => host.Refresh(++_now);

    public void Dispose()
    {
        foreach (var one in _cleanup)
            one.Dispose();
    }
}
