using Pods.Tests.Cri;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>The lab itself: pods are real, and nothing of a node stays.</summary>
public sealed class LabTests
{
    private const int PageOfWeb = 100_000;
    private static readonly EnumerationOptions Deep = new() { RecurseSubdirectories = true, IgnoreInaccessible = true };

    [RequiresNodeFact]
    public void Pods_are_real_on_the_installed_containerd() => Pods_are_real("", "");

    [RequiresNodeFact("trixie")]
    public void Pods_are_real_on_containerd_1_7() => Pods_are_real("trixie", "1.7.");

    [RequiresNodeFact("sid")]
    public void Pods_are_real_on_containerd_2() => Pods_are_real("sid", "2.");

    private static void Pods_are_real(string suite, string version)
    {
        using var node = ContainerNode.Start(suite);
        var kubelet = node.Kubelet;
        kubelet.Version.TrimStart('v').ShouldStartWith(version);
        var web = kubelet.Run("shop", "web-0", Web());
        var client = kubelet.Run("shop", "client-0", new PodSpec { Containers = 2 });
        var host = kubelet.Run("kube-system", "proxy", new PodSpec { HostNetwork = true });

        web.Netns.ShouldNotBe(client.Netns);
        web.Netns.ShouldNotBe(node.NetnsOf(1));
        client.Containers.ShouldAllBe(c => node.NetnsOf(c.Pid) == client.Netns);
        node.Run("cat", $"/proc/{client.Containers[1].Pid}/cgroup").ShouldContain($"/pod{client.Uid}/");
        host.HostNetwork.ShouldBeTrue();
        host.Netns.ShouldBe(node.NetnsOf(1));
        host.Ips.ShouldBeEmpty();
        web.Ips.Count.ShouldBe(2, "IPv4 and IPv6");
        foreach (var ip in web.Ips)
        {
            var before = client.Link();
            Fetch(kubelet, client, ip).ShouldBe(PageOfWeb);
            (client.Link().RxBytes - before.RxBytes).ShouldBeGreaterThan(PageOfWeb);
        }

        kubelet.KillPause(client);
        var next = kubelet.NextAttempt(client);
        next.Uid.ShouldBe(client.Uid);
        next.Netns.ShouldNotBe(client.Netns);
        kubelet.Sandboxes().Count(s => s.Metadata.Name == "client-0").ShouldBe(2);
        kubelet.Remove(client);
        kubelet.Stop(web);
        kubelet.Status(web.Sandbox).Status.State.ShouldBe(PodSandboxState.SandboxNotready);
        kubelet.Remove(web);
        Should.Throw<GrpcException>(() => kubelet.Status(web.Sandbox)).Status.ShouldBe(GrpcException.NotFound);
        kubelet.Sandboxes().Select(s => s.Id).ShouldBe([next.Sandbox, host.Sandbox], ignoreOrder: true);
    }

    [RequiresNodeFact]
    public void Pods_go_on_while_containerd_is_dead_and_are_known_when_it_is_back()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0", Web());
        var client = node.Kubelet.Run("shop", "client-0");
        node.KillRuntime();
        Should.Throw<HttpRequestException>(() => node.Kubelet.Version);
        var page = client.Inside("busybox", "wget", "-q", "-O", "-", $"http://{web.Ips[0]}/index.html");
        page.Length.ShouldBe(PageOfWeb);
        node.StartRuntime();
        node.Kubelet.Status(web.Sandbox).Status.State.ShouldBe(PodSandboxState.SandboxReady);
        Fetch(node.Kubelet, client, web.Ips[0]).ShouldBe(PageOfWeb);
    }

    [RequiresNodeFact]
    public void Nothing_of_a_node_stays()
    {
        string folder, cgroup;
        IReadOnlyList<Pod> pods;
        using (var node = ContainerNode.Start())
        {
            (folder, cgroup) = (node.Folder, node.Cgroup);
            pods = node.Kubelet.RunMany(3, "shop", n => $"web-{n}");
            node.Kubelet.Remove(pods[0]);
            CgroupsOf(cgroup).ShouldNotBeEmpty();
            Commands().ShouldContain(c => c.Contains(folder, StringComparison.Ordinal));
            Traces(pods).ShouldBeEmpty("all files are in the folder, or in memory that only the node sees");
        }
        Wait.Until(
            () => !Commands().Any(c => c.Contains(folder, StringComparison.Ordinal)), "the end of its processes");
        CgroupsOf(cgroup).ShouldBeEmpty();
        Traces(pods).ShouldBeEmpty();
        Directory.Exists(folder).ShouldBeFalse();
        File.ReadAllText("/proc/mounts").ShouldNotContain(folder);
    }

    [RequiresNodeFact]
    public void Inodes_of_namespaces_are_used_again_and_names_may_be_twice()
    {
        using var node = ContainerNode.Start();
        var first = node.Kubelet.RunMany(20, "bulk", n => $"p-{n}", new PodSpec { Containers = 0 });
        first.Select(p => p.Netns).Distinct().Count().ShouldBe(first.Count);
        // The kernel ends a namespace in its own time, and only then is the number free.
        IReadOnlyList<Pod> second;
        for (var round = 1; ; round++)
        {
            node.Kubelet.RemoveMany(first);
            second = node.Kubelet.RunMany(20, "bulk", n => $"p-{n}", new PodSpec { Containers = 0 });
            if (round == 10 || second.Any(p => first.Any(f => f.Netns == p.Netns)))
                break;
            first = second;
        }
        second.Select(p => p.Netns).ShouldContain(inode => first.Any(p => p.Netns == inode));

        var old = second[0];
        var pods = new[] { old, node.Kubelet.NextAttempt(old), node.Kubelet.Run(old.Namespace, old.Name) };
        pods.ShouldAllBe(p => node.Kubelet.Status(p.Sandbox).Status.State == PodSandboxState.SandboxReady);
        pods.Select(p => p.Netns).Distinct().Count().ShouldBe(3);
    }

    [RequiresNodeFact]
    public void The_agent_in_a_node_reads_the_namespaces_of_its_pods()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0", Web());
        var client = node.Kubelet.Run("shop", "client-0");
        using var agent = new NodeAgent(node, "none");
        Fetch(node.Kubelet, client, web.Ips[0]).ShouldBe(PageOfWeb);
        var (page, truth) = agent.Compare(() => Counters.Of(web), (a, b) => a.Same(b));
        var compared = truth.ShouldBeThoseOf(page.OfNetns(web.Netns));
        compared.ShouldBeGreaterThan(AttributionTests.LeastCompared);
        truth.Link.TxBytes.ShouldBeGreaterThan(PageOfWeb);
        page.Pods.ShouldBeEmpty("nobody told it a name");
        agent.Stop().ShouldBe(0);
    }

    internal static PodSpec Web() => new() { Command = ["/bin/httpd", "-f", "-p", "80", "-h", "/www"] };

    /// <summary>One pod fetches the page of another; gives the length of what came.</summary>
    internal static int Fetch(Kubelet kubelet, Pod client, string ip)
    {
        var host = ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]" : ip;
        return int.Parse(kubelet.Exec(
            client, "/bin/sh", "-c", $"wget -q -O - http://{host}/index.html | wc -c").Trim());
    }

    private static string[] CgroupsOf(string node) =>
        [.. Directory.EnumerateDirectories("/sys/fs/cgroup", Path.GetFileName(node), SearchOption.AllDirectories)];

    // Files outside of the node that have the name of a sandbox.
    private static string[] Traces(IReadOnlyList<Pod> pods) =>
        [.. new[] { "/run", "/var/lib/cni", "/var/lib/containerd", "/opt" }.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFileSystemEntries(folder, "*", Deep))
            .Where(file => pods.Any(p => file.Contains(p.Sandbox, StringComparison.Ordinal)))];

    private static IEnumerable<string> Commands()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(p => char.IsAsciiDigit(p[6])))
        {
            string command;
            try
            {
                command = File.ReadAllText(Path.Combine(process, "cmdline"));
            }
            catch (IOException)
            {
                // It ended meanwhile.
                continue;
            }
            yield return command;
        }
    }
}
