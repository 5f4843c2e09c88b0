namespace Collector.Linux.Limits;

/// <summary>How much is told one by one of what others than the operator can make more of.</summary>
public sealed record LimitOptions
{
    /// <summary>Network namespaces that root made: mounted ones, pods, services.</summary>
    public int Namespaces { get; init; } = 4096;

    /// <summary>Network namespaces of user namespaces: any user can make those.</summary>
    public int Rootless { get; init; } = 128;

    /// <summary>Rows of one kind in a namespace; of all rootless ones together.</summary>
    public int Rows { get; init; } = 1024;

    /// <summary>Processes of users, outside pods.</summary>
    public int Processes { get; init; } = 10_000;

    /// <summary>Pods, and containers, that no runtime told of: more than a node has.</summary>
    public int Containers { get; init; } = 1024;
}
