using System.Text.Json;

namespace Pods.Tests.Lab;

/// <param name="Id">The runtime's name for it.</param>
/// <param name="Pid">Its first process, as numbered in the node.</param>
internal sealed record Container(string Id, int Pid);

/// <summary>A pod that a <see cref="Kubelet"/> started, and what other tools than ours say about it.</summary>
internal sealed class Pod(ContainerNode node)
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public required uint Attempt { get; init; }

    /// <summary>Id of its sandbox.</summary>
    public required string Sandbox { get; init; }

    /// <summary>The sandbox's process, as numbered in the node.</summary>
    public required int Pid { get; init; }

    public required IReadOnlyList<string> Ips { get; init; }

    public required IReadOnlyList<Container> Containers { get; init; }

    public required bool HostNetwork { get; init; }

    /// <summary>Stopwatch's time at which RunPodSandbox returned.</summary>
    public required long Returned { get; init; }

    /// <summary>Unix seconds since when all of it is there.</summary>
    public double Born { get; } = Now();

    /// <summary>Unix seconds at which its end began.</summary>
    public double Ended { get; private set; } = double.PositiveInfinity;

    public void End() => Ended = Math.Min(Ended, Now());

    /// <summary>Inode of its network namespace.</summary>
    public required ulong Netns { get; init; }

    /// <summary>Every counter of /proc/net/snmp, snmp6 and netstat in the pod, by nstat's names.</summary>
    public IReadOnlyDictionary<string, long> Nstat()
    {
        using var json = JsonDocument.Parse(Inside("nstat", "-a", "-z", "-s", "-j"));
        return json.RootElement.GetProperty("kernel").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetInt64(), StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Counters of the pod's eth0 as ip(8) reads them.</summary>
    public LinkCounters Link()
    {
        using var json = JsonDocument.Parse(Inside("ip", "-s", "-j", "link", "show", "dev", "eth0"));
        var stats = json.RootElement[0].GetProperty("stats64");
        long Of(string direction, string name) => stats.GetProperty(direction).GetProperty(name).GetInt64();
        return new LinkCounters(Of("rx", "bytes"), Of("rx", "packets"), Of("tx", "bytes"), Of("tx", "packets"));
    }

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;

    /// <summary>Runs a program of the machine in the pod's network namespace.</summary>
    public string Inside(params string[] command) => node.Run(["nsenter", "-t", Pid.ToString(), "-n", .. command]);

    public override string ToString() => $"{Namespace}/{Name}";
}

internal sealed record LinkCounters(long RxBytes, long RxPackets, long TxBytes, long TxPackets);
