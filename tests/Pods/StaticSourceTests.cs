using System.Diagnostics;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>Owners that are told by the cgroup of a process: containers and units of a node without Kubernetes.</summary>
public sealed class StaticSourceTests
{
    [RequiresNodeFact]
    public void A_container_of_podman_is_told_by_its_id()
    {
        using var node = ContainerNode.StartBare();
        string[] podman =
        [
            "podman", "--root", $"{node.Folder}/root/podman", "--runroot", $"{node.Folder}/state/podman",
            "--tmpdir", $"{node.Folder}/state/tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
            "--runtime", "runc", "--storage-driver", "vfs",
        ];
        node.Run([.. podman, "load", "-q", "-i", $"{node.Folder}/images/busybox.tar"]);
        node.Run([.. podman, "run", "-d", "--network", "none", "--name", "web", "localhost/busybox:1", "sleep", "10000"]);
        var told = node.Run([.. podman, "inspect", "-f", "{{.Id}} {{.State.Pid}}", "web"]).Trim().Split(' ');
        using var agent = new NodeAgent(node, "");
        ShouldBeNamed(agent, node.NetnsOf(int.Parse(told[1])), "container_id", told[0]);
        NodeAgent.Command(node, "", "list", "namespaces").ShouldContain($"container {told[0][..12]}");
        agent.FreshPage().Value("netlens_pods_unresolved").ShouldBe(0);
    }

    [RequiresNodeFact]
    public void A_unit_with_a_network_of_its_own_is_told_by_its_name()
    {
        using var node = ContainerNode.StartBare();
        // What systemd does for PrivateNetwork=yes.
        var unit = $"{Hierarchy}/system.slice/fetcher.service";
        using var service = Process.Start(node.StartInfo("sh", "-c",
            $"mkdir -p {unit}; echo $$ >{unit}/cgroup.procs; exec unshare -n sh -c 'stat -Lc %i /proc/$$/ns/net; sleep 10000'"))!;
        try
        {
            var inode = ulong.Parse(service.StandardOutput.ReadLine()!);
            using var agent = new NodeAgent(node, "");
            ShouldBeNamed(agent, inode, "netlens_unit", "fetcher.service");
        }
        finally
        {
            service.Kill(entireProcessTree: true);
            service.WaitForExit();
        }
    }

    [RequiresNodeFact]
    public void A_host_network_pod_below_systemds_slices_has_its_figures()
    {
        using var node = ContainerNode.Start();
        var uid = Guid.NewGuid().ToString();
        var proxy = node.Kubelet.Run("kube-system", "proxy", new PodSpec
        {
            Uid = uid,
            HostNetwork = true,
            // As a kubelet with the systemd driver names it.
            CgroupParent = "/kubepods.slice/kubepods-besteffort.slice/"
                + $"kubepods-besteffort-pod{uid.Replace('-', '_')}.slice",
        });
        using var agent = NodeAgent.Start(node);
        agent.WaitForPod(proxy).OfPod(proxy)
            .ShouldAllBe(s => s.Pod == "kube-system/proxy" && s["netlens_scope"] == "pod");
    }

    // systemd's own hierarchy of version 1, or the only one of version 2.
    private static string Hierarchy =>
        Directory.Exists("/sys/fs/cgroup/systemd") ? "/sys/fs/cgroup/systemd" : "/sys/fs/cgroup";

    private static void ShouldBeNamed(NodeAgent agent, ulong inode, string label, string value)
    {
        var page = agent.WaitFor(p => p.OfNetns(inode).Any(s => s[label] is not null), $"{label} of {inode}");
        page.OfNetns(inode).ShouldAllBe(s => s[label] == value && s.Pod == null && s["netlens_scope"] == "namespace");
        page.Samples.Where(s => s[label] is not null).ShouldAllBe(s => s["netlens_netns"] == $"{inode}");
    }
}
