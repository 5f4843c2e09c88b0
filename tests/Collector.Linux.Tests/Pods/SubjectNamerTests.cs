using System.Collections.Frozen;
using System.Net;
using System.Text;
using Collector.Core.Subjects;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;

namespace Collector.Linux.Tests.Pods;

/// <summary>Every way in which a pod's names come to a subject.</summary>
public sealed class SubjectNamerTests
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";
    private static readonly string Id = new('c', 64);

    private static readonly Pod Web = new()
    {
        Sandbox = "a",
        Names = new SubjectNames(null, "shop", "web-0", Uid),
        Created = 1,
        NetnsPath = "/run/netns/cni-a",
        Netns = 8,
        NetnsCookie = 77,
        Pid = 100,
        Addresses = [IPAddress.Parse("192.0.2.1")],
    };

    private readonly List<string> _expected = [];
    private PodTable _table = new([Web], 1);

    private SubjectNamer Namer => new(() => _table, _expected.Add);

    private static NetNamespace Netns(ulong inode = 8, ulong cookie = 0) =>
        new(inode, 2, false, 0, new("cni-a")) { Cookie = cookie };

    private static Subject OnHost(string uid = Uid) =>
        new(SubjectKind.Pod, 1, 1, 0, new SubjectNames(PodUid: uid)) { HostNetwork = true };

    [Fact]
    public void By_the_mount_and_the_names_stay_one_object()
    {
        var ns = Netns(inode: 9);
        Namer.NameByMount(ns, "/var/run/netns/cni-a", _ => 0).ShouldBeTrue();
        ns.ToString().ShouldBe("shop/web-0 (9)");
        ns.Names.NetnsName.ShouldBe("cni-a");
        var names = ns.Names;
        _table = new([Web], 2);
        Namer.NameByMount(ns, "/run/netns/cni-a", _ => 0).ShouldBeTrue();
        ns.Names.ShouldBeSameAs(names);
        _table = new([Web with { Names = Web.Names with { PodName = "web-1" } }], 3);
        Namer.NameByMount(ns, "/run/netns/cni-a", _ => 0).ShouldBeTrue();
        ns.ToString().ShouldBe("shop/web-1 (9)");
        Namer.NameByMount(Netns(inode: 9), "/run/netns/other", _ => 9).ShouldBeFalse();
    }

    [Theory]
    [InlineData(77, 0, true)]
    [InlineData(78, 8, false)]
    public void By_inode_and_cookie(ulong cookie, ulong inodeOfProcess, bool named) =>
        Namer.NameByMount(Netns(cookie: cookie), null, _ => inodeOfProcess).ShouldBe(named);

    [Theory]
    [InlineData(8, true)]
    [InlineData(9, false)]
    public void Without_a_cookie_by_its_process(ulong inodeOfProcess, bool named)
    {
        _table = new([Web with { NetnsCookie = 0 }], 1);
        Namer.NameByMount(Netns(), null, pid => pid == Web.Pid ? inodeOfProcess : 0).ShouldBe(named);
    }

    [Fact]
    public void By_the_record_of_a_namespace_that_nobody_has_found()
    {
        var directory = new NamespaceDirectory(Namer.NameByNetns);
        var known = directory.Find(8, 77).ShouldNotBeNull();
        known.Kind.ShouldBe(SubjectKind.Stranger);
        known.Generation.ShouldBe(1);
        known.ToString().ShouldBe("shop/web-0 (8)");
        directory.Find(8, 77).ShouldBeSameAs(known);

        var other = directory.Find(8, 78).ShouldNotBeNull();
        other.Generation.ShouldBe(2);
        other.Names.IsResolved.ShouldBeFalse("the number is another namespace's by now");
        directory.Find(8, 0)!.Names.IsResolved.ShouldBeFalse("a number alone never counts");
        directory.IsAlive(known).ShouldBeFalse();
        directory.IsDead(known).ShouldBeFalse();
    }

    [Fact]
    public void By_the_uid_that_processes_in_the_node_s_namespace_have()
    {
        _table = new([Web with { HostNetwork = true }], 1);
        var pod = OnHost();
        Namer.NameByUid(pod);
        pod.ToString().ShouldBe("shop/web-0 (host network)");
        pod.Names.IsSecondary.ShouldBeFalse();
        var names = pod.Names;
        Namer.NameByUid(pod);
        pod.Names.ShouldBeSameAs(names);

        _table = new([Web], 2);
        var visitor = OnHost();
        Namer.NameByUid(visitor);
        visitor.Names.IsSecondary.ShouldBeTrue("the pod has a network of its own");

        Namer.NameByUid(OnHost("nobody's"));
        _expected.ShouldBe(["nobody's"]);
    }

    [Fact]
    public void By_the_container_in_the_pod_s_namespace_and_in_the_node_s()
    {
        var ns = Netns();
        Namer.NameByMount(ns, Web.NetnsPath, _ => 0);
        var inPod = new Subject(SubjectKind.Container, 8, 1, 0, new SubjectNames(PodUid: Uid));
        Namer.NameByContainer(inPod, Id, ns);
        (inPod.Names.PodName, inPod.Names.ContainerId, inPod.Names.ContainerName).ShouldBe(("web-0", Id, null));
        _expected.ShouldBe([Id]);

        var onHost = OnHost();
        _table = new([Web], 2, new Dictionary<string, string> { [Id] = "main" }.ToFrozenDictionary());
        Namer.NameByContainer(inPod, Id, ns);
        Namer.NameByContainer(onHost, Id, null);
        foreach (var subject in new[] { inPod, onHost })
            (subject.Names.PodName, subject.Names.ContainerName).ShouldBe(("web-0", "main"));

        var names = inPod.Names;
        _table = new([Web], 3);
        Namer.NameByContainer(inPod, Id, ns);
        inPod.Names.ShouldBeSameAs(names, "the name outlives the container");
    }

    [Theory]
    [InlineData(false, $"0::/kubepods/burstable/pod{Uid}/x", "shop/web-0 (8)")]
    [InlineData(true, $"0::/kubepods/burstable/pod{Uid}/x", "cni-a (8)")]
    [InlineData(false, "0::/system.slice/a.service", "a.service")]
    [InlineData(true, "0::/system.slice/a.service", "cni-a (8)")]
    public void By_the_cgroup_of_a_process_in_it(bool mounted, string cgroup, string called)
    {
        var ns = Netns();
        Namer.NameByCgroup(ns, mounted, Encoding.ASCII.GetBytes(cgroup));
        (ns.Names.Unit ?? ns.ToString()).ShouldBe(called);
        ns.Names.Source.ShouldBeNull("a guess gives way to what the runtime says");
    }

    [Fact]
    public void A_container_of_no_pod_counts_in_a_mounted_namespace_too()
    {
        var ns = Netns();
        Namer.NameByCgroup(ns, mounted: true, Encoding.ASCII.GetBytes($"0::/system.slice/docker-{Id}.scope"));
        ns.Names.ContainerId.ShouldBe(Id);
        Namer.NameByMount(ns, Web.NetnsPath, _ => 0).ShouldBeTrue();
        (ns.Names.ContainerId, ns.Names.PodName).ShouldBe((null, "web-0"));
    }

    [Fact]
    public void By_address()
    {
        Namer.PodAt(IPAddress.Parse("192.0.2.1")).ShouldBe("shop/web-0");
        Namer.PodAt(IPAddress.Parse("192.0.2.2")).ShouldBeNull();
    }
}
