using Collector.Core.Events;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Dns;

/// <summary>How a query ended: its names and words.</summary>
internal static class DnsOutcome
{
    // enum dns_outcome in ebpf-programs/include/dns.h
    public const int Most = 16;
    public const int NoError = 0;
    public const int NxDomain = 3;
    public const int Answered = 7;
    public const int TimedOut = 8;
    public const int Unreachable = 9;

    // enum dns_fault
    public const int Failed = 0;
    public const int Slow = 1;
    public const int Retried = 2;

    private const long FiveSecondsFrom = 4_500_000_000;
    private const long FiveSecondsTo = 5_500_000_000;

    private static readonly string[] Names =
    [
        "noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "other", "answered", "timed_out",
        "unreachable",
    ];

    /// <summary>How many there are.</summary>
    public static int Count => Names.Length;

    /// <summary>The value of netlens.dns.outcome.</summary>
    public static string Name(int outcome) => (uint)outcome < (uint)Names.Length ? Names[outcome] : "other";

    /// <summary>That a name does not exist is an answer.</summary>
    public static bool IsFailure(int outcome) => outcome is not (NoError or NxDomain or Answered);

    /// <summary>What resolvers wait for before they ask again, unless they are told otherwise.</summary>
    public static bool IsFiveSeconds(long waited) => waited is >= FiveSecondsFrom and <= FiveSecondsTo;

    public static string DescribeFailure(in DnsEvent e, EventParties parties) => e.Outcome switch
    {
        TimedOut => $"{parties.Local} has no answer from the DNS server {parties.Remote} after {Time(e)}{Tries(e)}",
        Unreachable when e.Flow.Protocol == 6 =>
            $"{parties.Local} asked the DNS server {parties.Remote}, which ended the connection after {Time(e)}",
        Unreachable => $"{parties.Local} asked the DNS server {parties.Remote} and was told after {Time(e)} that "
            + "nobody is there (ICMP: unreachable)",
        _ => $"{parties.Local} asked the DNS server {parties.Remote}, which answered "
            + $"{Name(e.Outcome).ToUpperInvariant()} after {Time(e)}{Tries(e)}",
    };

    public static string DescribeSlow(in DnsEvent e, EventParties parties) =>
        $"{parties.Local} got its answer from the DNS server {parties.Remote} after {Time(e)}{Tries(e)}";

    public static string DescribeRetry(in DnsEvent e, EventParties parties) =>
        $"{parties.Local} asked the DNS server {parties.Remote} again: the query {Time(e)} before had no answer"
        + (IsFiveSeconds(e.Duration) ? "; resolvers wait for 5 s" : "");

    private static string Tries(in DnsEvent e) => e.Sends > 1 ? $", asked {e.Sends} times" : "";

    private static string Time(in DnsEvent e) => $"{Durations.Milliseconds(e.Duration)} ms";
}
