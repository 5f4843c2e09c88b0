using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>What became of a namespace's queries in a window, server by server.</summary>
/// <param name="Name">Address of the server, or "other".</param>
internal sealed record DnsServerWindow(string Name)
{
    private readonly Dictionary<string, long> _outcomes = [];

    /// <summary>Queries that are over.</summary>
    public long Lookups => _outcomes.Values.Sum();

    /// <summary>Queries that ended so: "noerror", "timed_out".</summary>
    public long Of(string outcome) => _outcomes.GetValueOrDefault(outcome);

    /// <summary>Queries that got an answer, whatever it said.</summary>
    public long Answered => Lookups - Of("timed_out") - Of("unreachable");

    /// <summary>All of a window that were asked.</summary>
    public static IEnumerable<DnsServerWindow> In(SubjectWindow window)
    {
        var servers = new Dictionary<string, DnsServerWindow>();
        foreach (var row in window.Rows(DnsCounters.Table))
        {
            if (row.Growth(DnsCounters.Lookups) is not (> 0 and var growth))
                continue;
            var name = row.Tag("server.address");
            if (!servers.TryGetValue(name, out var server))
                servers.Add(name, server = new DnsServerWindow(name));
            var outcome = row.Tag("netlens.dns.outcome");
            server._outcomes[outcome] = server.Of(outcome) + growth;
        }
        return servers.Values;
    }

    /// <summary>The pod that has the server's address, by an event of one of its queries; else the address.</summary>
    public string Shown(SubjectWindow window, EventInfo info)
    {
        var its = window.Events(info).LastOrDefault(e => e.Tuple?.Destination.ToString() == Name);
        return its?.Tuple?.DestinationPod is { } pod ? $"{Name} ({pod})" : Name;
    }

    /// <summary>How to ask it by hand.</summary>
    public string Dig => Name == "other" ? "dig ." : $"dig @{Name} .";
}
