using Collector.Tests.Support;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>What the systemd unit gives is enough for the names of pods: its capabilities and group root.</summary>
public sealed class UnprivilegedTests
{
    // Of the users that DynamicUser= gives.
    private const string User = "61234";

    private static readonly string[] Capabilities =
        [.. File.ReadLines(Path.Combine(Repository.Root, "packaging", "systemd", "netlens.service"))
            .Where(l => l.StartsWith("AmbientCapabilities=CAP_", StringComparison.Ordinal))
            .SelectMany(l => l["AmbientCapabilities=".Length..].Split(' '))];

    [RequiresNodeFact]
    public void The_units_user_knows_the_pods_by_group_root_alone()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0");
        node.Run("stat", "-c", "%a %u:%g", node.Socket).ShouldBe("660 0:0\n");
        Capabilities.ShouldNotContain("CAP_DAC_OVERRIDE");

        var pods = Netlens(node, ["--groups", "0"], "list", "pods", "--format", "json");
        pods.Code.ShouldBe(0, pods.Error);
        pods.Output.ShouldContain($"\"{web.Uid}\"");
        pods.Output.ShouldContain(web.Netns.ToString());
        var once = Netlens(
            node, ["--groups", "0"], "once", "--pod", "shop/web-0", "--probe", "netdev", "--zeros");
        once.Code.ShouldBe(0, once.Error);
        once.Output.ShouldContain("system.network.io");

        var doctor = Netlens(node, ["--clear-groups"], "doctor");
        doctor.Error.ShouldContain("permission denied (the socket is root's; in a unit: SupplementaryGroups=root)");
    }

    private static (int Code, string Output, string Error) Netlens(
        ContainerNode node, string[] groups, params string[] command)
    {
        var set = string.Join(
            ',', Capabilities.Select(c => "+" + c["CAP_".Length..].ToLowerInvariant()).Prepend("-all"));
        return node.Try(
        [
            "env", $"NETLENS_PODS_RUNTIMEENDPOINT={node.Socket}",
            "setpriv", "--reuid", User, "--regid", User, .. groups,
            $"--inh-caps={set}", $"--ambient-caps={set}", $"--bounding-set={set}", "--no-new-privs",
            TestProgram.Path, .. command,
        ]);
    }
}
