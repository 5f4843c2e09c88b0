using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>Which pod a figure belongs to.</summary>
public sealed class AttributionTests
{
    /// <summary>Series of a pod that nstat or ip has too; the kernels of today give 80 and more.</summary>
    internal const int LeastCompared = 60;

    [RequiresNodeFact]
    public void Figures_are_those_of_their_pod_on_the_installed_containerd() => Figures_are_those_of_their_pod("");

    [RequiresNodeFact("trixie")]
    public void Figures_are_those_of_their_pod_on_containerd_1_7() => Figures_are_those_of_their_pod("trixie");

    [RequiresNodeFact("sid")]
    public void Figures_are_those_of_their_pod_on_containerd_2() => Figures_are_those_of_their_pod("sid");

    private static void Figures_are_those_of_their_pod(string suite)
    {
        using var node = ContainerNode.Start(suite);
        using var agent = NodeAgent.Start(node);
        var web = node.Kubelet.Run("shop", "web-0", LabTests.Web());
        var client = node.Kubelet.Run("front", "client-0", new PodSpec { Containers = 2 });
        for (var i = 0; i < 10; i++)
        {
            LabTests.Fetch(node.Kubelet, client, web.Ips[0]);
            LabTests.Fetch(node.Kubelet, client, web.Ips[1]);
        }

        foreach (var pod in new[] { web, client })
        {
            agent.WaitForPod(pod);
            var (page, truth) = agent.Compare(() => Counters.Of(pod), (a, b) => a.Same(b));
            var series = page.OfPod(pod);
            series.ShouldBe(page.OfNetns(pod.Netns), "every series of the namespace, and no other");
            series.ShouldAllBe(s => s.Pod == pod.ToString() && s["netlens_scope"] == "namespace");
            page.Samples.Where(s => s.Pod == pod.ToString()).ShouldBe(series);
            truth.ShouldBeThoseOf(series).ShouldBeGreaterThan(LeastCompared);
            truth.Link.RxBytes.ShouldBeGreaterThan(20_000);
        }
        var pages = agent.FreshPage();
        pages.Pods.ShouldBe(["shop/web-0", "front/client-0"], ignoreOrder: true);
        pages.OfNetns(node.NetnsOf(1)).ShouldAllBe(s => s["netlens_scope"] == "node");
        pages.Value("netlens_pods_identities").ShouldBe(2);
        pages.Value("netlens_pods_unresolved").ShouldBe(0);
        pages.Connected.ShouldBeTrue();
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public void List_pods_tells_what_the_runtime_knows()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0", new PodSpec { Containers = 3 });
        var host = node.Kubelet.Run("kube-system", "proxy", new PodSpec { HostNetwork = true });
        node.Kubelet.Stop(node.Kubelet.Run("shop", "stopped"));
        var listed = NodeAgent.ListPods(node);

        listed.Select(p => p.Sandbox).ShouldBe([web.Sandbox, host.Sandbox], ignoreOrder: true);
        var pod = listed.Single(p => p.Sandbox == web.Sandbox);
        (pod.Namespace, pod.Name, pod.Uid).ShouldBe((web.Namespace, web.Name, web.Uid));
        pod.Netns.ShouldBe(web.Netns);
        pod.HostNetwork.ShouldBeFalse();
        pod.Ips.ShouldBe(web.Ips, ignoreOrder: true);
        pod.Pids.ShouldBe([web.Pid, .. web.Containers.Select(c => c.Pid)], ignoreOrder: true);
        pod.Source.ShouldBe("cri");
        pod.Age.ShouldBeInRange(0, Wait.Patience.TotalSeconds);
        var proxy = listed.Single(p => p.Sandbox == host.Sandbox);
        proxy.HostNetwork.ShouldBeTrue();
        proxy.Ips.ShouldBeEmpty();
        proxy.Pids.ShouldBe([host.Pid, host.Containers[0].Pid], ignoreOrder: true);
    }

    [RequiresNodeFact]
    public void Once_prints_the_series_of_one_pod()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0");
        node.Kubelet.Run("shop", "web-1");
        var text = NodeAgent.Command(
            node, node.Socket, "once", "--pod", "shop/web-0", "--format", "prometheus");
        var samples = new Page(text).Samples;
        samples.ShouldNotBeEmpty();
        samples.ShouldAllBe(s => s["k8s_pod_uid"] == web.Uid);
    }

    [RequiresNodeFact]
    public void A_host_network_pod_has_its_processes_figures_and_the_node_keeps_its_own()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        // It writes ten times a second, and has descriptors of its own open.
        var writes = "exec 7</etc/passwd 8</etc/group; while :; do echo x; sleep 0.1; done >/dev/null";
        var proxy = node.Kubelet.Run("kube-system", "proxy", new PodSpec
        {
            HostNetwork = true, Command = ["/bin/sh", "-c", writes],
        });
        agent.WaitForPod(proxy);
        var before = Writes(node, proxy);
        var first = WritesOn(agent.FreshPage(), proxy);
        var page = agent.WaitFor(p => WritesOn(p, proxy) > first, "more writes");
        (WritesOn(page, proxy) - first).ShouldBeLessThanOrEqualTo(Writes(node, proxy) - before);

        var series = page.OfPod(proxy);
        series.Select(s => s.Name.Split('_')[1]).Distinct().ShouldBe(["fd", "io"], ignoreOrder: true);
        series.ShouldAllBe(s => s["netlens_scope"] == "pod" && s.Pod == "kube-system/proxy");
        var shared = page.Samples.Where(s => s.Name == "netlens_ip_out_discards_total").ToArray();
        shared.Length.ShouldBe(2, "of the node: IPv4 and IPv6");
        shared.ShouldAllBe(s => s["netlens_scope"] == "node" && s.Pod == null && s["k8s_pod_uid"] == null);
        page.Samples.Where(s => s.Name == "netlens_fd" && s["netlens_scope"] == "node").ShouldHaveSingleItem();
        page.Value("netlens_pods_unresolved").ShouldBe(0);
    }

    [RequiresNodeFact]
    public void Accept_queues_of_a_host_network_pod_are_the_pods_and_others_the_nodes()
    {
        using var node = ContainerNode.Start();
        var proxy = node.Kubelet.Run("kube-system", "proxy", new PodSpec
        {
            HostNetwork = true, Command = ["/bin/httpd", "-f", "-p", "8123", "-h", "/www"],
        });
        using var agent = new NodeAgent(node, node.Socket, "",
            ("NETLENS_PROBES", "-all,tcpsummary,pods"));
        ShouldListen(proxy, "8123");
        // One that begins while the agent watches, in a second pod.
        var late = node.Kubelet.Run("kube-system", "late", new PodSpec
        {
            HostNetwork = true, Command = ["/bin/sh", "-c", "sleep 3; exec httpd -f -p 8124 -h /www"],
        });
        ShouldListen(late, "8124");
        var page = agent.FreshPage();
        // The agent's own page: in no pod.
        Queues(page, "9102").ShouldHaveSingleItem()["netlens_scope"].ShouldBe("node");
        page.Value("system_network_connection", ("netlens_scope", "node"), ("network_connection_state", "listen"))
            .ShouldBe(node.Run("ss", "-Htln").Trim().Split('\n').Length);
        node.Kubelet.Remove(proxy);
        agent.WaitFor(p => !Queues(p, "8123").Any(), "no row of a listener that is gone");

        void ShouldListen(Pod pod, string port)
        {
            var seen = agent.WaitFor(p => Queues(p, port).Any(s => s.Pod is not null), $"{pod}'s accept queue");
            var queue = Queues(seen, port).ShouldHaveSingleItem();
            queue.Pod.ShouldBe(pod.ToString());
            (queue["netlens_scope"], queue["k8s_pod_uid"]).ShouldBe(("pod", pod.Uid));
            // LISTEN 0 9 *:8123 *:* users:(("httpd",pid=42,fd=3))
            var ss = node.Run("ss", "-Htlnp", $"sport = :{port}");
            queue.Value.ShouldBe(double.Parse(ss.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
            ss.ShouldContain($"pid={pod.Containers[0].Pid},");
        }

        static IEnumerable<Sample> Queues(Page page, string port) => page.Samples
            .Where(s => s.Name == "netlens_tcp_listen_queue_limit" && s["network_local_port"] == port);
    }

    [RequiresNodeFact]
    public void Descriptors_of_all_containers_count_for_their_pod()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var open = "exec 7</etc/passwd 8</etc/group 9</etc/group; exec sleep 1000000";
        foreach (var host in new[] { false, true })
        {
            var pod = node.Kubelet.Run("shop", host ? "host" : "own", new PodSpec
            {
                Containers = 3, HostNetwork = host, Command = ["/bin/sh", "-c", open],
            });
            var truth = ProcessesOf(node, pod).Sum(p => Directory.GetFileSystemEntries($"{p}/fd").Length);
            ProcessesOf(node, pod).Count.ShouldBe(4, "the sandbox's process and one each");
            truth.ShouldBeGreaterThan(9);
            agent.WaitFor(p => p.OfPod(pod).Any(s => s.Name == "netlens_fd" && s.Value == truth),
                $"{truth} open files of {pod}");
            node.Kubelet.RemoveContainer(pod.Containers[1].Id);
            truth = ProcessesOf(node, pod).Sum(p => Directory.GetFileSystemEntries($"{p}/fd").Length);
            agent.WaitFor(p => p.OfPod(pod).Any(s => s.Name == "netlens_fd" && s.Value == truth),
                $"{truth} open files of {pod} without one container");
        }
    }

    [RequiresNodeFact]
    public void On_request_containers_are_told_apart()
    {
        using var node = ContainerNode.Start();
        using var agent = new NodeAgent(node, node.Socket, "pods: { containers: true }\n");
        var open = "exec 7</etc/passwd 8</etc/group 9</etc/group; exec sleep 1000000";
        foreach (var host in new[] { false, true })
        {
            var pod = node.Kubelet.Run("shop", host ? "host" : "own", new PodSpec
            {
                Containers = 2, HostNetwork = host, Command = ["/bin/sh", "-c", open],
            });
            var page = agent.WaitFor(p => pod.Containers.All(c => Files(p, c).Any(s => s["k8s_container_name"] != null)),
                $"files of {pod}'s containers");
            foreach (var (container, i) in pod.Containers.Select((c, i) => (c, i)))
            {
                var files = Files(page, container).ShouldHaveSingleItem();
                files.Pod.ShouldBe(pod.ToString());
                files["k8s_container_name"].ShouldBe($"c{i}");
                files["netlens_scope"].ShouldBe(host ? "pod" : "namespace");
                files["netlens_netns"].ShouldBe($"{pod.Netns}");
                files.Value.ShouldBe(FilesOf(node, container));
            }
            // The sandbox's own process is the pod's, and so are the namespace's counters.
            var rest = agent.FreshPage().OfPod(pod).Where(s => s["container_id"] is null).ToArray();
            rest.ShouldContain(s => s.Name == "netlens_fd");
            rest.Any(s => s.Name == "netlens_ip_out_discards_total").ShouldBe(!host);
            rest.ShouldAllBe(s => s["k8s_container_name"] == null);

            node.Kubelet.RemoveContainer(pod.Containers[0].Id);
            agent.WaitFor(p => !Files(p, pod.Containers[0]).Any() && Files(p, pod.Containers[1]).Any(),
                "only the container that is left");
        }
        agent.FreshPage().Samples.Where(s => s["container_id"] is not null)
            .Select(s => s.Name.Split('_')[1]).Distinct().ShouldBe(["fd", "io"], ignoreOrder: true);

        static IEnumerable<Sample> Files(Page page, Container container) =>
            page.Samples.Where(s => s.Name == "netlens_fd" && s["container_id"] == container.Id);
    }

    // Open files of the container's only process.
    private static int FilesOf(ContainerNode node, Container container) =>
        node.Run("ls", $"/proc/{container.Pid}/fd").Trim().Split('\n').Length;

    [RequiresNodeFact]
    public void The_file_names_the_socket_and_the_labels_to_show()
    {
        using var node = ContainerNode.Start();
        using var agent = new NodeAgent(
            node, "", $"pods: {{ runtimeEndpoint: \"unix://{node.Socket}\", labels: [app, shop.test/tier] }}\n");
        var web = node.Kubelet.Run("shop", "web-0", new PodSpec
        {
            Labels = new Dictionary<string, string>
            {
                ["app"] = "web", ["shop.test/tier"] = "front", ["secret"] = "hidden",
            },
        });
        var plain = node.Kubelet.Run("shop", "plain-0");
        agent.WaitForPod(plain);
        agent.WaitForPod(web);
        var page = agent.FreshPage();
        page.OfPod(web).ShouldNotBeEmpty();
        page.OfPod(web).ShouldAllBe(s =>
            s["k8s_pod_label_app"] == "web" && s["k8s_pod_label_shop_test_tier"] == "front");
        page.OfPod(plain).ShouldAllBe(s => !s.Labels.Keys.Any(k => k.StartsWith("k8s_pod_label")));
        page.Text.ShouldNotContain("hidden");
    }

    [RequiresNodeFact]
    public void Variables_go_over_the_file()
    {
        using var node = ContainerNode.Start();
        using var agent = new NodeAgent(
            node, node.Socket, "pods: { runtimeEndpoint: none, labels: [app] }\n", ("NETLENS_PODS_LABELS", "tier"));
        var web = node.Kubelet.Run("shop", "web-0", new PodSpec
        {
            Labels = new Dictionary<string, string> { ["app"] = "web", ["tier"] = "front" },
        });
        agent.WaitForPod(web).OfPod(web)
            .ShouldAllBe(s => s["k8s_pod_label_tier"] == "front" && s["k8s_pod_label_app"] == null);
    }

    [RequiresNodeFact("sid")]
    public void Events_of_containerd_2_can_be_listened_to()
    {
        using var node = ContainerNode.Start("sid");
        using var agent = new NodeAgent(node, node.Socket, "pods: { events: true }\n");
        foreach (var i in Enumerable.Range(0, 3))
            agent.WaitForPod(node.Kubelet.Run("shop", $"web-{i}"));
        var page = agent.FreshPage();
        page.Sum("netlens_pods_runtime_calls_total", ("rpc_method", "GetContainerEvents")).ShouldBe(1);
        page.Failures().ShouldBe(0);
    }

    [RequiresNodeFact]
    public void A_runtime_in_its_usual_place_is_found()
    {
        using var node = ContainerNode.Start();
        node.Run("mkdir", "-p", "/run/containerd");
        node.Run("ln", "-s", node.Socket, "/run/containerd/containerd.sock");
        var web = node.Kubelet.Run("shop", "web-0");
        using var agent = new NodeAgent(node, "");
        agent.WaitForPod(web).OfPod(web).ShouldAllBe(s => s.Pod == "shop/web-0");
    }

    [RequiresNodeFact]
    public void The_old_namings_have_the_pod_too()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0");
        node.Kubelet.Run("shop", "web-1");
        LegacyShouldName("kubeskoop", "kubeskoop_netdev_rxbytes", "k8s_namespace", "k8s_pod");
        LegacyShouldName("inspector", "inspector_pod_netdevrxbytes", "namespace", "pod");

        void LegacyShouldName(string naming, string metric, string ns, string pod)
        {
            var least = web.Link().RxBytes;
            var text = NodeAgent.Command(
                node, node.Socket, "once", "--naming", naming, "--format", "prometheus", "--probe", "netdev");
            var received = new Page(text).Value(metric, (ns, "shop"), (pod, "web-0"));
            received.ShouldBeInRange(least, web.Link().RxBytes);
        }
    }

    [RequiresNodeFact]
    public void A_node_without_runtime_has_every_figure_and_no_pod()
    {
        using var node = ContainerNode.StartBare();
        using var agent = new NodeAgent(node, "");
        var page = agent.FreshPage();
        page.Pods.ShouldBeEmpty();
        page.Connected.ShouldBeFalse();
        page.Value("netlens_pods_identities").ShouldBe(0);
        page.Samples.ShouldContain(s => s.Name == "netlens_ip_out_discards_total");
        NodeAgent.ListPods(node, "").ShouldBeEmpty();
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public void Pods_that_nobody_may_name_are_counted()
    {
        using var node = ContainerNode.Start();
        var pods = node.Kubelet.RunMany(2, "shop", n => $"web-{n}");
        using var agent = new NodeAgent(node, "none");
        var page = agent.WaitFor(p => p.Value("netlens_pods_unresolved") == pods.Count, "two without a name");
        page.Pods.ShouldBeEmpty();
        page.OfNetns(pods[0].Netns).ShouldNotBeEmpty("figures do not need a name");
    }

    private static double WritesOn(Page page, Pod pod) => page.OfPod(pod)
        .Where(s => s.Name == "netlens_io_calls_total" && s["netlens_io_direction"] == "write").Sum(s => s.Value);

    // syscw of the pod's living processes.
    private static long Writes(ContainerNode node, Pod pod) => ProcessesOf(node, pod).Sum(process =>
        long.Parse(File.ReadLines($"{process}/io").Single(l => l.StartsWith("syscw:"))[6..]));

    /// <summary>Folders of the pod's processes below our own /proc, by its cgroup.</summary>
    private static List<string> ProcessesOf(ContainerNode node, Pod pod)
    {
        var cgroup = $"{node.Cgroup}/kubepods/besteffort/pod{pod.Uid}/";
        var found = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(p => char.IsAsciiDigit(p[6])))
        {
            try
            {
                if (File.ReadAllText($"{process}/cgroup").Contains(cgroup, StringComparison.Ordinal))
                    found.Add(process);
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }
        return found;
    }
}
