using System.Net;
using System.Net.Sockets;
using Collector.Core.Compatibility;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Worker.Export.Series;

/// <summary>
/// An event's attributes under OpenTelemetry's names, the same and in the same order in every outlet. Values are
/// <see cref="string"/>, <see cref="long"/> or <see cref="bool"/>; what is not known is left out.
/// </summary>
internal static class EventAttributes
{
    private const string Transport = "network.transport";
    private const string Type = "network.type";
    private const string SourceAddress = "source.address";
    private const string SourcePort = "source.port";
    private const string DestinationAddress = "destination.address";
    private const string DestinationPort = "destination.port";
    private const string SourcePod = "netlens.source.pod";
    private const string DestinationPod = "netlens.destination.pod";
    private const string ProcessPod = "netlens.process.pod";
    private const string ProcessId = "process.pid";
    private const string ThreadId = "thread.id";
    private const string ThreadName = "thread.name";
    private const string Stack = "code.stacktrace";
    private const string LegacyType = "netlens.event.legacy_type";
    private const string InspectorType = "netlens.event.inspector_type";
    private const string HeldBack = "netlens.event.held_back";
    private const string Summary = "netlens.event.summary";

    /// <summary>All keys that any event may have, in order; a kind's own fields must not repeat one.</summary>
    public static IReadOnlyList<(string Key, string Type, string Meaning)> Common { get; } =
    [
        .. SubjectNaming.Otel.Keys.Select(k => (k.Key, "text", "the network namespace, as on metrics")),
        (Transport, "text", "`tcp`, `udp`, `icmp`, `icmpv6`, `igmp` ..., or the protocol's number"),
        (Type, "text", "`ipv4` or `ipv6`; IPv4-mapped addresses are IPv4"),
        (SourceAddress, "text", "sender; for a socket, the local end"),
        (SourcePort, "int", "its port, where the protocol has ports"),
        (DestinationAddress, "text", "receiver; for a socket, the remote end"),
        (DestinationPort, "int", "its port, where the protocol has ports"),
        (SourcePod, "text", "the pod that has the sender's address, as `namespace/name`"),
        (DestinationPod, "text", "the pod that has the receiver's address, as `namespace/name`"),
        (ProcessId, "int", "the process that ran meanwhile, in the node's pid namespace; in softirq context not "
            + "necessarily the one concerned"),
        (ThreadId, "int", "its thread"),
        (ThreadName, "text", "the thread's name (comm)"),
        (ProcessPod, "text", "the pod that the process is of, as `namespace/name`"),
        (Stack, "text", "kernel stack, innermost first, one `symbol+0xoffset` per line, where asked for"),
        (LegacyType, "text", "KubeSkoop's name for it"),
        (InspectorType, "text", "ACK Net Exporter's name for it, where that is another"),
        (HeldBack, "int", "like events held back since the one reported before; left out when none"),
        (Summary, "bool", "`true`: reports only how many were held back, and repeats the last that was not"),
    ];

    /// <summary>Adds the attributes of <paramref name="e"/> to <paramref name="into"/>.</summary>
    public static void Add(NetworkEvent e, List<KeyValuePair<string, object?>> into)
    {
        var subject = new List<Tag>(SubjectNaming.Otel.Keys.Count);
        SubjectNaming.Otel.Add(subject, SubjectFacts.Of(e.Subject));
        foreach (var tag in subject)
            into.Add(new(tag.Key, tag.Value.Text));
        AddTuple(e.Tuple, into);
        AddProcess(e.Process, into);
        for (var i = 0; i < Math.Min(e.Fields.Count, e.Info.Fields.Count); i++)
        {
            if (e.Fields[i] is not { } value)
                continue;
            if (value.IsNumber)
                into.Add(new(e.Info.Fields[i].Key, value.Number));
            else
                AddText(e.Info.Fields[i].Key, value.Text, into);
        }
        if (e.Stack.Count > 0)
            AddText(Stack, string.Join('\n', e.Stack), into);
        AddText(LegacyType, e.KubeSkoopType, into);
        AddText(InspectorType, e.InspectorType, into);
        if (e.HeldBack > 0)
            into.Add(new(HeldBack, e.HeldBack));
        if (e.IsSummary)
            into.Add(new(Summary, true));
    }

    private static void AddTuple(FlowTuple? tuple, List<KeyValuePair<string, object?>> into)
    {
        if (tuple is null)
            return;
        var source = Plain(tuple.Source);
        AddText(Transport, tuple.Transport, into);
        into.Add(new(Type, source.AddressFamily == AddressFamily.InterNetwork ? "ipv4" : "ipv6"));
        into.Add(new(SourceAddress, source.ToString()));
        AddPort(SourcePort, tuple.SourcePort, into);
        into.Add(new(DestinationAddress, Plain(tuple.Destination).ToString()));
        AddPort(DestinationPort, tuple.DestinationPort, into);
        AddText(SourcePod, tuple.SourcePod, into);
        AddText(DestinationPod, tuple.DestinationPod, into);
    }

    private static void AddProcess(EventProcess? process, List<KeyValuePair<string, object?>> into)
    {
        if (process is null)
            return;
        into.Add(new(ProcessId, (long)process.Pid));
        into.Add(new(ThreadId, (long)process.Tid));
        AddText(ThreadName, process.Command, into);
        AddText(ProcessPod, process.Pod, into);
    }

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static void AddPort(string key, int port, List<KeyValuePair<string, object?>> into)
    {
        if (port != 0)
            into.Add(new(key, (long)port));
    }

    private static void AddText(string key, string? text, List<KeyValuePair<string, object?>> into)
    {
        if (!string.IsNullOrEmpty(text))
            into.Add(new(key, text));
    }
}
