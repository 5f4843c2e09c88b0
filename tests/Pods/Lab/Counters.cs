namespace Pods.Tests.Lab;

/// <summary>Compares what our page says about a pod with what nstat and ip say in its namespace.</summary>
internal sealed record Counters(LinkCounters Link, IReadOnlyDictionary<string, long> Nstat)
{
    private const string Receive = "receive";

    public static Counters Of(Pod pod) => new(pod.Link(), pod.Nstat());

    public bool Same(Counters other) =>
        Link == other.Link && Nstat.All(n => other.Nstat.GetValueOrDefault(n.Key, -1) == n.Value);

    /// <summary>Fails where a sample of the pod is not the counter that it must be.</summary>
    /// <returns>How many samples were compared.</returns>
    public int ShouldBeThoseOf(IReadOnlyList<Sample> samples)
    {
        var compared = 0;
        foreach (var sample in samples)
        {
            if (Truth(sample) is not { } truth)
                continue;
            sample.Value.ShouldBe(truth, $"{sample.Name} {string.Join(' ', sample.Labels)}");
            compared++;
        }
        return compared;
    }

    private long? Truth(Sample sample)
    {
        var receives = sample["network_io_direction"] == Receive;
        return sample.Name switch
        {
            "netlens_netdev_io_bytes_total" => receives ? Link.RxBytes : Link.TxBytes,
            "netlens_netdev_packet_count_total" => receives ? Link.RxPackets : Link.TxPackets,
            "netlens_tcp_segments_total" => Nstat[receives ? "TcpInSegs" : "TcpOutSegs"],
            "netlens_udp_datagrams_total" => Nstat[Prefix("udp", sample) + (receives ? "InDatagrams" : "OutDatagrams")],
            _ => ByName(sample),
        };
    }

    // netlens_ip_out_discards_total of IPv6 is nstat's Ip6OutDiscards; nstat's names are compared without case.
    private long? ByName(Sample sample)
    {
        var parts = sample.Name.Split('_');
        if (parts is not ["netlens", "ip" or "tcp" or "udp" or "tcpext", .., "total"])
            return null;
        var prefix = Prefix(parts[1], sample);
        var name = string.Concat(parts[2..^1]);
        return Nstat.TryGetValue(prefix + name, out var value)
            || Nstat.TryGetValue(prefix + "TCP" + name, out value) ? value : null;
    }

    private static string Prefix(string group, Sample sample) => group + (sample["network_type"] == "ipv6" ? "6" : "");
}
