using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Common;

/// <summary>How rules judge packets that were lost, and whose they were.</summary>
internal static class Losses
{
    /// <summary>From how many on lost packets are an error, where they are such a part, too.</summary>
    public static ProbeOption<long> ErrorFrom { get; } = Option.Count(
        "errorFrom", 20, "packets in a window", "Fewer are no error, whatever share of all they are.");

    /// <summary>The part that they must be.</summary>
    public static ProbeOption<Share> ErrorPart { get; } = Option.Part(
        "errorShare", Share.Percent(5), "packets", "Of a smaller part protocols mend the loss unnoticed.");

    /// <summary>How often somebody must want the same end, where what scans a network would do as much.</summary>
    public static ProbeOption<long> Wanted { get; } = Option.Count(
        "wanted", 3, "packets for one address and port",
        "What scans a network sends one to each: an error only where somebody tries again.");

    /// <summary>How bad a loss is by these thresholds.</summary>
    public static Gravity GravityOf(FindingSettings own) => new(own.Get(ErrorFrom), own.Get(ErrorPart));

    /// <summary>Packets that a family received.</summary>
    public static long Received(SubjectWindow window, string section) =>
        window.Growth(Ip.Of(section, "InReceives"));

    /// <summary>Counters of both families: "Ip" and "Ip6", with their names for people.</summary>
    public static IEnumerable<(string Section, string Family)> Families => [("Ip", "IPv4"), ("Ip6", "IPv6")];

    /// <summary>Events of lost packets with one of these reasons, or of these functions where there is none.</summary>
    public static IEnumerable<NetworkEvent> Of(SubjectWindow window, params string[] reasons) =>
        window.Events(PacketLoss.Dropped).Where(e => reasons.Contains(e.Field("netlens.drop.reason")?.Text));

    /// <summary>One of them as evidence; nothing where the kernel told of none.</summary>
    public static IEnumerable<Evidence> Example(SubjectWindow window, params string[] reasons) =>
        Of(window, reasons).LastOrDefault(static e => e.Tuple is not null) is { Tuple: { } tuple } e
            ? [new("kfree_skb", $"{tuple} ({e.Field("netlens.drop.reason")?.Text})")]
            : [];

    /// <summary>A counter of the kernel as evidence, beside what it is a part of.</summary>
    public static Evidence Part(SubjectWindow window, string name, Metric counter, string whole, long of) =>
        new(name, $"+{window.Growth(counter)} of {of} {whole} in {window.Span}");

    /// <summary>
    /// Lost packets with these reasons, by where they were to go: what is tried again and again somebody wants, what
    /// scans a network is one packet for each port.
    /// </summary>
    /// <param name="window">Whose.</param>
    /// <param name="least">Fewer for one end are left out.</param>
    /// <param name="reasons">The kernel's names, and functions of kernels without.</param>
    public static IEnumerable<IGrouping<string, NetworkEvent>> ByTarget(
        SubjectWindow window, long least, params string[] reasons) => ByTarget(Of(window, reasons), least);

    /// <summary>The same of these events.</summary>
    public static IEnumerable<IGrouping<string, NetworkEvent>> ByTarget(IEnumerable<NetworkEvent> events, long least) =>
        events.Where(static e => e.Tuple is { } t && IsOne(t.Destination))
            .GroupBy(static e => Target(e.Tuple!))
            .Where(g => g.Count() >= least);

    private static string Target(FlowTuple tuple) =>
        $"{tuple.Transport} to {tuple.End(tuple.Destination, tuple.DestinationPort)}";

    // Groups are told things that nobody waits for.
    private static bool IsOne(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6
        ? !address.IsIPv6Multicast
        : address.GetAddressBytes() is var bytes && bytes[0] is > 0 and < 224 && bytes[3] != 255;
}
