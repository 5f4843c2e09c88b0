using System.Text.Json.Nodes;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>Which pods an event names.</summary>
public sealed class EventTests
{
    [RequiresNodeFact]
    public void A_dropped_packet_names_its_namespace_and_both_ends()
    {
        using var node = ContainerNode.Start();
        var web = node.Kubelet.Run("shop", "web-0");
        var client = node.Kubelet.Run("front", "client-0");
        var file = Path.Combine(node.Folder, "events.json");
        using var agent = new NodeAgent(node, node.Socket, $"events: {{ json: {file} }}\n",
            ("NETLENS_PROBES", "-all,packetloss,pods"));
        agent.WaitFor(p => p.Value("netlens_pods_identities") == 2, "both pods");

        foreach (var ip in web.Ips)
        {
            // Nobody listens there.
            var family = ip.Contains(':', StringComparison.Ordinal) ? "AF_INET6" : "AF_INET";
            client.Inside("python3", "-c",
                $"import socket as s; s.socket(s.{family}, s.SOCK_DGRAM).sendto(b'lost', ('{ip}', 4243))");
            var e = Wait.For(() => Events(file).FirstOrDefault(e =>
                Text(e, "destination.address") == ip && Text(e, "network.transport") == "udp"), $"the datagram to {ip}");
            (Text(e, "k8s.namespace.name"), Text(e, "k8s.pod.name"), Text(e, "k8s.pod.uid"))
                .ShouldBe((web.Namespace, web.Name, web.Uid));
            Text(e, "netlens.netns").ShouldBe(web.Netns.ToString());
            Text(e, "netlens.destination.pod").ShouldBe("shop/web-0");
            Text(e, "netlens.source.pod").ShouldBe("front/client-0");
            client.Ips.ShouldContain(Text(e, "source.address")!);
        }
    }

    private static IEnumerable<JsonNode> Events(string file) => !File.Exists(file)
        ? []
        : File.ReadAllText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.EndsWith('}'))
            .Select(line => JsonNode.Parse(line)!["attributes"]!);

    private static string? Text(JsonNode attributes, string key) => attributes[key]?.ToString();
}
