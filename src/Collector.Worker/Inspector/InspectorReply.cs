using System.Globalization;
using Collector.Core.Compatibility;
using Collector.Core.Events;

namespace Collector.Worker.Inspector;

/// <summary>An event as the inspector tells it: its type, whose it is, and a line of text.</summary>
internal static class InspectorReply
{
    /// <summary>What a client that was overtaken gets, as no message of the interface says so.</summary>
    public const string LostType = "netlens.lost";

    /// <param name="e">The event.</param>
    /// <param name="node">What the node is called.</param>
    public static WatchReply Of(NetworkEvent e, string node)
    {
        var type = e.InspectorType ?? e.KubeSkoopType ?? e.Info.Name;
        var names = e.Subject?.Names;
        var meta = new Meta { Node = node, Pod = names?.PodName ?? "", Namespace = names?.PodNamespace ?? "" };
        if (e.Subject is { IsPast: false } subject)
            meta.Netns = string.Create(CultureInfo.InvariantCulture, $"ns{subject.Inode}");
        return Reply(type, meta, Tuple(e.Tuple) + e.Message);
    }

    /// <summary>So many events are gone.</summary>
    public static WatchReply Lost(ulong events, string node) => Reply(
        LostType, new Meta { Node = node },
        string.Create(CultureInfo.InvariantCulture, $"{events} events came faster than they were read, and are gone"));

    private static WatchReply Reply(string type, Meta meta, string value) =>
        new() { Name = type, Event = new() { Meta = meta, Name = type, Value = value } };

    // The original's words, in front of ours.
    private static string Tuple(FlowTuple? tuple) => tuple is null ? "" : string.Create(
        CultureInfo.InvariantCulture,
        $"protocol={Protocol(tuple.Transport)} saddr={tuple.Source} sport={tuple.SourcePort} "
            + $"daddr={tuple.Destination} dport={tuple.DestinationPort} ");

    private static string Protocol(string transport) => transport switch
    {
        "tcp" => "TCP",
        "udp" => "UDP",
        "icmp" => "ICMP",
        "icmpv6" => "ICMP6",
        _ => "IP",
    };
}
