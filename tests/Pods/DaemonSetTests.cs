using System.Globalization;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>
/// The pod of packaging/kubernetes on a node: exactly the security context, mounts and limits of the manifest, and
/// everything works that works for root on the node itself.
/// </summary>
public sealed class DaemonSetTests
{
    [RequiresImageFact]
    public Task The_manifests_pod_sees_what_root_sees() => Sees_what_root_sees("");

    [RequiresImageOnFact("sid")]
    public Task The_manifests_pod_sees_what_root_sees_on_containerd_2() => Sees_what_root_sees("sid");

    private static async Task Sees_what_root_sees(string suite)
    {
        using var node = ContainerNode.Start(suite);
        var manifest = new Manifest();
        using var agent = new AgentPod(node, manifest);
        var web = node.Kubelet.Run("shop", "web-0", LabTests.Web());
        var proxy = node.Kubelet.Run("kube-system", "proxy", new PodSpec { HostNetwork = true });
        var pod = node.Kubelet.Run("netlens", "netlens-x", agent.Spec);
        agent.Missing.Except(["SYS_RESOURCE"]).ShouldBeEmpty("that one is for older kernels");
        HasExactly(agent.Spec.Security!, pod);

        using var http = node.Http();
        Wait.Until(() => Answers(http, manifest.UrlOf("readinessProbe")), "readiness");
        (await http.GetStringAsync(manifest.UrlOf("livenessProbe"))).ShouldBe("ok\n");
        Page page = null!;
        Wait.Until(() =>
        {
            page = new Page(http.GetStringAsync("http://127.0.0.1:9102/metrics").GetAwaiter().GetResult());
            return page.Pods.IsSupersetOf([web.ToString(), proxy.ToString(), pod.ToString()]);
        }, "every pod by its name");
        page.OfPod(web).ShouldContain(s => s.Name == "netlens_netdev_io_bytes_total");
        page.Samples.Where(s => s.Name == "netlens_probe_errors_total").ShouldBeEmpty();

        var inside = new Doctor(node.Kubelet.Exec(pod, "/usr/bin/netlens", "doctor", "--format", "json"));
        var outside = new Doctor(NodeAgent.Command(node, "", "doctor", "--format", "json"));
        inside.Problems.ShouldBeEmpty();
        inside.Verdicts.ShouldBe(outside.Verdicts, ignoreOrder: true);
        inside.Ways.ShouldBe(outside.Ways, ignoreOrder: true);
        OomKillsOf(node, pod).ShouldBe(0, "its limit of memory is enough, also for doctor beside the agent");
    }

    // BPF and PERFMON are for who takes SYS_ADMIN away, which has them in itself; SYS_RESOURCE is for kernels before
    // 5.11. What SYSLOG gives, names of functions, doctor does not show.
    [RequiresImageFact]
    public void Each_capability_is_there_for_something()
    {
        using var node = ContainerNode.Start();
        using var agent = new AgentPod(node, new Manifest());
        node.Kubelet.Run("shop", "web-0", new PodSpec { Security = new SecuritySpec { User = 1000 } });
        var full = agent.Diagnose(agent.Spec);
        full.Facts["network namespaces"].ShouldBe("2");
        full.Problems.ShouldBeEmpty();

        var outside = Without("SYS_ADMIN");
        outside.Verdicts["tcpsummary"].ShouldStartWith("partial");
        outside.Ways.ShouldBe(full.Ways, ignoreOrder: true);
        var blind = Without("SYS_PTRACE");
        blind.Facts["network namespaces"].ShouldBe("1", "the pod's cannot be opened");
        blind.Facts["container runtime"].ShouldStartWith("none");
        var shortSighted = Without("DAC_READ_SEARCH").Verdicts;
        shortSighted["io"].ShouldBe("ok", "the kernel tells what files do not");
        shortSighted["slab"].ShouldStartWith("unavailable");
        Without("NET_ADMIN").Verdicts["conntrack"].ShouldNotBe(full.Verdicts["conntrack"]);
        Without("SYS_ADMIN", "BPF").Ways.ShouldAllBe(w => w.Value.Length == 0);
        Without("SYS_ADMIN", "PERFMON").Ways.ShouldAllBe(w => w.Value.Length == 0);

        Doctor Without(params string[] names) => agent.Diagnose(agent.Spec with
        {
            Security = agent.Spec.Security! with { Add = [.. agent.Spec.Security!.Add.Except(names)] },
        });
    }

    // What the kernel says of the process that runs.
    private static void HasExactly(SecuritySpec security, Pod pod)
    {
        var status = pod.Inside("cat", $"/proc/{pod.Containers[0].Pid}/status").Split('\n')
            .Select(line => line.Split(":\t")).Where(words => words.Length == 2)
            .ToDictionary(words => words[0], words => words[1]);
        foreach (var set in new[] { "CapEff", "CapPrm", "CapBnd" })
            CapabilitySet.In(status[set]).ShouldBe(security.Add, ignoreOrder: true, set);
        status["Uid"].Split('\t').ShouldAllBe(id => id == $"{security.User}");
        security.User.ShouldNotBe(0);
        status["NoNewPrivs"].ShouldBe("1");
        status["Seccomp"].ShouldBe("2", "a filter");
        pod.Inside("cat", $"/proc/{pod.Containers[0].Pid}/mountinfo").Split('\n')[0]
            .ShouldContain(" / / ro,", Case.Sensitive, "the root of its files");
    }

    private static bool Answers(HttpClient http, string url)
    {
        try
        {
            return http.GetAsync(url).GetAwaiter().GetResult().IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static long OomKillsOf(ContainerNode node, Pod pod)
    {
        // Version 2 has one hierarchy, with the path after "0::"; version 1 one of its own for memory.
        const string Events = """
            path=$(sed -n 's/^[0-9]*:memory://p' /proc/$0/cgroup)
            cat /sys/fs/cgroup/memory$path/memory.oom_control 2>/dev/null ||
              cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$0/cgroup)/memory.events
            """;
        var line = node.Run("sh", "-c", Events, $"{pod.Containers[0].Pid}").Split('\n')
            .Single(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }
}

/// <summary>A test of the container image on the containerd of a suite of Debian.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresImageOnFactAttribute : FactAttribute
{
    public RequiresImageOnFactAttribute(string suite) => Skip = ImageArchive.WhyNot ?? NodeSupport.WhyNot(suite);
}
