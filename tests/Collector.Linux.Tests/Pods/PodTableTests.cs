using System.Net;
using Collector.Core.Subjects;
using Collector.Linux.Pods;

namespace Collector.Linux.Tests.Pods;

public sealed class PodTableTests
{
    private static Pod Make(string sandbox, string name, string uid = "u", uint attempt = 0) => new()
    {
        Sandbox = sandbox,
        Names = new SubjectNames(null, "shop", name, uid),
        Created = 1,
        Attempt = attempt,
        NetnsPath = $"/run/netns/cni-{sandbox}",
        Netns = 4026532000 + (ulong)sandbox.Length,
        NetnsCookie = 7,
        Pid = 100 + sandbox.Length,
        Addresses = [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")],
    };

    [Fact]
    public void A_pod_is_found_by_all_that_it_has()
    {
        var table = new PodTable([Make("a", "web-0")], 3);
        var pod = table.All.Single();

        table.Version.ShouldBe(3);
        table.OfSandbox("a").ShouldBeSameAs(pod);
        table.OfPath("/var/run/netns/cni-a").ShouldBeSameAs(pod);
        table.OfPath("/run/netns/cni-a").ShouldBeSameAs(pod);
        table.OfUid("u").ShouldBeSameAs(pod);
        table.OfNetns(pod.Netns, 7).ShouldBeSameAs(pod);
        table.OfAddress(IPAddress.Parse("192.0.2.1")).ShouldBeSameAs(pod);
        table.OfAddress(IPAddress.Parse("::ffff:192.0.2.1")).ShouldBeSameAs(pod);
        table.OfAddress(IPAddress.Parse("2001:db8::1")).ShouldBeSameAs(pod);
    }

    [Fact]
    public void A_number_that_was_used_again_finds_nobody()
    {
        var pod = Make("a", "web-0");
        var table = new PodTable([pod], 1);
        table.OfNetns(pod.Netns, 8).ShouldBeNull();
        table.OfNetns(pod.Netns, 0).ShouldBeNull();

        var gone = new PodTable([pod with { Ready = false, GoneAt = 5 }], 2);
        gone.OfAddress(pod.Addresses[0]).ShouldBeNull();
        // Its last events still find it: the cookie is its own.
        gone.OfNetns(pod.Netns, 7).ShouldNotBeNull();

        var noCookie = new PodTable([pod with { NetnsCookie = 0, Ready = false, GoneAt = 5 }], 3);
        noCookie.OfNetns(pod.Netns, 0).ShouldBeNull();
    }

    [Fact]
    public void A_pod_in_the_nodes_network_has_no_address_of_its_own()
    {
        var table = new PodTable([Make("a", "web-0") with { HostNetwork = true, NetnsPath = "", Netns = 0 }], 1);
        table.OfAddress(IPAddress.Parse("192.0.2.1")).ShouldBeNull();
        table.OfNetns(0, 0).ShouldBeNull();
        table.OfUid("u").ShouldNotBeNull();
    }

    [Fact]
    public void Of_two_sandboxes_of_one_name_the_newest_is_the_pod()
    {
        var first = Make("a", "web-0");
        var second = Make("bb", "web-0", attempt: 1);
        var table = new PodTable([first, second], 1);

        table.OfUid("u")!.Sandbox.ShouldBe("bb");
        table.OfSandbox("bb")!.Names.ShouldBeSameAs(second.Names);
        table.OfSandbox("a")!.Names.IsSecondary.ShouldBeTrue();

        // The newest ended: the other is the pod again.
        var next = new PodTable([first, second with { Ready = false }], 2);
        next.OfSandbox("a")!.Names.IsSecondary.ShouldBeFalse();
        next.OfSandbox("bb")!.Names.IsSecondary.ShouldBeTrue();
    }

    [Fact]
    public void An_identity_stays_one_object_as_long_as_it_says_the_same()
    {
        var table = new PodTable([Make("a", "web-0"), Make("bb", "web-0", attempt: 1)], 1);
        var next = new PodTable([.. table.All, Make("ccc", "other", "v")], 2);
        foreach (var pod in table.All)
            next.OfSandbox(pod.Sandbox)!.Names.ShouldBeSameAs(pod.Names);
    }

    [Fact]
    public void Looking_up_allocates_nothing()
    {
        var table = new PodTable(Enumerable.Range(1, 200).Select(n => Make(new string('x', n), $"p{n}", $"u{n}")), 1);
        var address = IPAddress.Parse("2001:db8::1");
        Look(table, address);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Look(table, address);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    private static void Look(PodTable table, IPAddress address)
    {
        table.OfNetns(4026532010, 7);
        table.OfUid("u10");
        table.OfAddress(address);
        table.OfPath("/run/netns/cni-x");
    }
}
