using System.Diagnostics;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Pods;
using Collector.Linux.Tests.Processes;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Pods;

/// <summary>The pods that an event mentions beside its namespace's.</summary>
public sealed class EventOwnersTests
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";

    private static readonly EventInfo Kind = new()
    {
        Name = "netlens.test.event", Description = "An event.", Severity = EventSeverity.Info, Fields = [],
    };

    private static readonly FlowTuple Flow =
        new("tcp", IPAddress.Parse("192.0.2.1"), 1, IPAddress.Parse("::ffff:192.0.2.2"), 2);

    private static Pod Make(string name, string uid, string address) => new()
    {
        Sandbox = name,
        Names = new SubjectNames(null, "shop", name, uid),
        Created = 1,
        NetnsPath = $"/run/netns/{name}",
        Addresses = [IPAddress.Parse(address)],
    };

    private static EventOwners Owners(params Pod[] pods)
    {
        var table = new PodTable(pods, 1);
        return new EventOwners(new KernelPaths(), new SubjectNamer(() => table), new CgroupIds(null));
    }

    private static NetworkEvent Event(FlowTuple? tuple = null, int pid = 0, long? time = null) => new()
    {
        Info = Kind,
        Time = time ?? KernelClock.UnixNow(),
        ObservedTime = KernelClock.UnixNow(),
        Message = "it happened",
        Tuple = tuple,
        Process = pid == 0 ? null : new EventProcess(pid, pid, "worker"),
    };

    [Fact]
    public void Both_ends_of_a_packet_are_named()
    {
        using var owners = Owners(Make("web-0", "u1", "192.0.2.1"), Make("web-1", "u2", "192.0.2.2"));
        var tuple = owners.Complete(Event(Flow)).Tuple!;
        tuple.SourcePod.ShouldBe("shop/web-0");
        tuple.DestinationPod.ShouldBe("shop/web-1");
        tuple.ToString().ShouldBe(Flow.ToString());

        var back = owners.Complete(Event(new FlowTuple("tcp", IPAddress.Loopback, 1, IPAddress.Parse("192.0.2.1"), 2)));
        back.Tuple!.SourcePod.ShouldBeNull();
        back.Tuple.DestinationPod.ShouldBe("shop/web-0");
    }

    [Fact]
    public void An_event_that_concerns_no_pod_stays_as_it_is()
    {
        using var owners = Owners(Make("web-0", "u1", "198.51.100.1"));
        foreach (var e in new[] { Event(), Event(Flow), Event(pid: Environment.ProcessId) })
            owners.Complete(e).ShouldBeSameAs(e);
        using var nobody = Owners();
        var lonely = Event(Flow);
        nobody.Complete(lonely).ShouldBeSameAs(lonely);
    }

    [CgroupFact]
    public void A_process_is_of_the_pod_whose_cgroup_it_is_in()
    {
        using var cgroup = new PodCgroup(Uid);
        using var owners = Owners(Make("web-0", Uid, "192.0.2.1"));
        using var process = Process.Start(new ProcessStartInfo("sleep", ["1000"]))!;
        try
        {
            owners.Complete(Event(pid: process.Id)).Process!.Pod.ShouldBeNull();
            File.WriteAllText($"{cgroup.Path}/cgroup.procs", $"{process.Id}");
            owners.Complete(Event(pid: process.Id)).Process!.Pod.ShouldBe("shop/web-0");

            // A minute ago the number was another process's.
            var before = KernelClock.UnixNow() - 60_000_000_000;
            owners.Complete(Event(pid: process.Id, time: before)).Process!.Pod.ShouldBeNull();
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
        owners.Complete(Event(pid: process.Id)).Process!.Pod.ShouldBeNull("it is gone");
    }

    [Cgroup2Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_process_that_is_gone_is_of_the_pod_whose_cgroup_the_kernel_told(bool handles)
    {
        using var tree = new Cgroup2();
        using var cgroup = new PodCgroup(Uid, tree.Path);
        var table = new PodTable([Make("web-0", Uid, "192.0.2.1")], 1);
        using var owners = new EventOwners(new KernelPaths(), new SubjectNamer(() => table), new CgroupIds(tree.Path, handles));
        using var process = Process.Start(new ProcessStartInfo("true"))!;
        process.WaitForExit();

        NetworkEvent In(string folder)
        {
            var e = Event(pid: process.Id);
            return owners.Complete(e with { Process = e.Process! with { Cgroup = PodCgroup.IdOf(folder) } });
        }
        In(cgroup.Path).Process!.Pod.ShouldBe("shop/web-0");
        In(cgroup.Parent).Process!.Pod.ShouldBeNull();
        In(tree.Path).Process!.Pod.ShouldBeNull();
    }

    [CgroupFact]
    public void A_pod_that_the_runtime_does_not_know_has_no_name()
    {
        using var cgroup = new PodCgroup(Uid);
        using var owners = Owners(Make("web-0", "another", "192.0.2.1"));
        using var process = Process.Start(new ProcessStartInfo("sleep", ["1000"]))!;
        File.WriteAllText($"{cgroup.Path}/cgroup.procs", $"{process.Id}");
        owners.Complete(Event(pid: process.Id)).Process!.Pod.ShouldBeNull();
        process.Kill();
        process.WaitForExit();
    }
}
