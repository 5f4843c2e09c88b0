using Collector.Core.Probes;

namespace Collector.Linux.Probes.Drops;

/// <summary>The arguments of <see cref="PacketLoss"/>.</summary>
internal static class PacketLossOptions
{
    public static readonly ProbeOption<bool> Stack =
        Option.Switch("stack", standard: false, "Add the kernel stack to events.");

    public static readonly ProbeOption<IReadOnlyList<string>> Ignore = Option.List(
        "ignore", "QUEUE_PURGE,SKB_CONSUMED,TCP_OFOMERGE,TCP_OLD_DATA,SOCKET_CLOSE,OTHERHOST",
        "Reasons (without SKB_DROP_REASON_) that are no loss: neither counted nor reported.");

    public static readonly ProbeOption<IReadOnlyList<string>> IgnoreFunctions = Option.List(
        "ignoreFunctions",
        "sk_stream_kill_queues,skb_queue_purge,skb_queue_purge_reason,inet_sock_destruct,"
        + "ping_rcv,ping_rcv:NO_SOCKET,icmp_rcv,icmp_rcv:NO_SOCKET,icmpv6_rcv,icmpv6_rcv:NO_SOCKET",
        "Kernel functions whose drops without a particular reason are no loss; FUNCTION:REASON with that one.");

    public static readonly ProbeOption<IReadOnlyList<string>> Silent =
        Option.List("silent", "UNHANDLED_PROTO", "Reasons that are counted but make no events.");

    public static readonly ProbeOption<long> Entries = Option.Integer(
        "entries", 8192, "Combinations of namespace, reason, place and family.", least: 64, most: 1 << 20);

    public static readonly ProbeOption<long> Burst = Option.Integer(
        "burst", 10, "Events per second, combination and CPU that leave the kernel.", least: 0, most: 1000);

    public static IReadOnlyList<ProbeOption> All { get; } = [Stack, Ignore, IgnoreFunctions, Silent, Entries, Burst];
}
