using System.Net;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Pods;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

[AttributeUsage(AttributeTargets.Method)]
public sealed class Cgroup2FactAttribute : FactAttribute
{
    public Cgroup2FactAttribute() =>
        Skip = BpfSupport.WhyNot(["python3", "mount", "umount", "stat"]) ?? Cgroup2.Missing;
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class Cgroup2TheoryAttribute : TheoryAttribute
{
    public Cgroup2TheoryAttribute() => Skip = new Cgroup2FactAttribute().Skip;
}

public sealed class CgroupTests
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";

    /// <summary>Joins a cgroup, aborts a connection to itself, and is gone.</summary>
    private const string Abort = """
        import os, socket, struct, sys
        open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
        listener = socket.create_server(('127.0.0.1', 0))
        client = socket.create_connection(listener.getsockname())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()
        """;

    [Cgroup2Fact]
    public void A_process_that_was_gone_before_its_event_was_read_has_its_pod()
    {
        using var tree = new Cgroup2();
        using var cgroup = new PodCgroup(Uid, tree.Path);
        using var run = new BpfProbeRun("tcpreset");
        using var ns = new TestNetns();

        ns.Run("python3", "-S", "-c", Abort, cgroup.Path);

        var sent = run.Events.Await(e => e.Info == TcpReset.Sent && e.Subject?.Inode == ns.Inode);
        sent.Process!.Cgroup.ShouldBe(PodCgroup.IdOf(cgroup.Path));
        Directory.Exists($"/proc/{sent.Process.Pid}").ShouldBeFalse();

        var pod = new Pod
        {
            Sandbox = "1", Names = new SubjectNames(null, "shop", "web-0", Uid), Created = 1,
            Addresses = [IPAddress.Parse("192.0.2.1")],
        };
        var table = new PodTable([pod], 1);
        using var owners = new EventOwners(new KernelPaths(), new SubjectNamer(() => table), new CgroupIds(tree.Path));
        owners.Complete(sent).Process!.Pod.ShouldBe("shop/web-0");
    }
}
