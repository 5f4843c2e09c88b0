namespace Collector.Core.Compatibility;

/// <summary>What a metric is called in the namings of KubeSkoop and ACK Net Exporter.</summary>
/// <param name="Metric">The metric: its name, then the values of its tags, as <c>netlens.io.calls read</c>.</param>
public sealed record LegacyName(string Metric)
{
    /// <summary>Full KubeSkoop names (<c>kubeskoop_netdev_rxbytes</c>); the first is the current one.</summary>
    public IReadOnlyList<string> KubeSkoop { get; init; } = [];

    /// <summary>Full ACK Net Exporter names (<c>inspector_pod_netdevrxbytes</c>); the first is the usual one.</summary>
    public IReadOnlyList<string> Inspector { get; init; } = [];

    /// <summary>Value under these names = stored value * Scale, whatever the exported unit.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Names of a family that both spell alike: kubeskoop_tcp_outrsts, inspector_pod_tcpoutrsts.</summary>
    internal static IEnumerable<LegacyName> InBoth(
        string family, params (string Metric, string Spelling)[] names) =>
        Spelled($"kubeskoop_{family}_", $"inspector_pod_{family}", names);

    /// <summary>Names that ACK Net Exporter never had.</summary>
    internal static IEnumerable<LegacyName> InKubeSkoop(
        string family, params (string Metric, string Spelling)[] names) =>
        names.Select(n => new LegacyName(n.Metric) { KubeSkoop = [$"kubeskoop_{family}_{n.Spelling}"] });

    internal static IEnumerable<LegacyName> Spelled(
        string kubeskoop, string inspector, params (string Metric, string Spelling)[] names) =>
        names.Select(n => new LegacyName(n.Metric)
        {
            KubeSkoop = [kubeskoop + n.Spelling], Inspector = [inspector + n.Spelling],
        });
}
