using Collector.Tests.Support;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>What the systemd unit gives is enough for the names of pods: its capabilities and group root.</summary>
public sealed class UnprivilegedTests
{
    [RequiresNodeFact]
    public void The_units_user_knows_the_pods_by_group_root_alone()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0");
        node.Run("stat", "-c", "%a %u:%g", node.Socket).ShouldBe("660 0:0\n");
        Unit.Capabilities.ShouldNotContain("CAP_DAC_OVERRIDE");

        var pods = Netlens(node, groupRoot: true, "list", "pods", "--format", "json");
        pods.Code.ShouldBe(0, pods.Error);
        pods.Output.ShouldContain($"\"{web.Uid}\"");
        pods.Output.ShouldContain(web.Netns.ToString());
        var once = Netlens(
            node, groupRoot: true, "once", "--pod", "shop/web-0", "--probe", "netdev", "--zeros");
        once.Code.ShouldBe(0, once.Error);
        once.Output.ShouldContain("netlens.netdev.io");

        var doctor = Netlens(node, groupRoot: false, "doctor");
        doctor.Error.ShouldContain("permission denied (the socket is root's; in a unit: SupplementaryGroups=root)");
    }

    private static (int Code, string Output, string Error) Netlens(
        ContainerNode node, bool groupRoot, params string[] command) =>
        node.Try(
        [
            "env", $"NETLENS_PODS_RUNTIMEENDPOINT={node.Socket}",
            .. Unit.Unprivileged(Unit.Capabilities, groupRoot), TestProgram.Path, .. command,
        ]);
}
