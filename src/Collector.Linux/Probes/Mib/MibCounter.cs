using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Mib;

/// <summary>A counter of the kernel's MIBs and what is told of it.</summary>
/// <param name="Section">Section that prints it: Tcp, TcpExt, Icmp6.</param>
/// <param name="Counter">The kernel's name within the section.</param>
/// <param name="Unit">UCUM unit of the exported value.</param>
/// <param name="Description">One sentence.</param>
internal sealed record MibCounter(string Section, string Counter, string Unit, string Description)
{
    public static readonly Tag IPv4 = new("network.type", "ipv4");
    public static readonly Tag IPv6 = new("network.type", "ipv6");
    public static readonly Tag Receive = new("network.io.direction", "receive");
    public static readonly Tag Transmit = new("network.io.direction", "transmit");

    public InstrumentKind Kind { get; init; } = InstrumentKind.Counter;

    /// <summary>Name behind the section's prefix; empty: the kernel's name in snake case.</summary>
    public string Name { get; init; } = "";

    public IReadOnlyList<Tag> Tags { get; init; } = [];

    public double Scale { get; init; } = 1;

    /// <summary>Leaves under its own name only with <c>include: all</c>.</summary>
    public bool Optional { get; init; }

    /// <summary>A descriptor for one table.</summary>
    public Metric ToMetric(MibSectionRule rule) => new()
    {
        Name = rule.Prefix + (Name.Length > 0 ? Name : CounterName.ToSnake(Counter, rule.Drop)),
        Unit = Unit,
        Kind = Kind,
        Description = Description,
        Tags = rule.Family is { } family ? [.. Tags, family] : Tags,
        Scale = Scale,
        Optional = Optional,
    };

    /// <summary>For a counter that this version of Netlens has no words for.</summary>
    public static MibCounter Unknown(string section, string counter)
    {
        var known =
            new MibCounter(section, counter, Units.Events, $"Kernel counter {section} {counter}.") { Optional = true };
        return counter switch
        {
            // mptcp_seq_show prints one figure that goes down again among its counters (net/mptcp/mib.h).
            "MPCurrEstab" => known with { Kind = InstrumentKind.UpDownCounter, Unit = Units.Connections },
            "CurrEstab" => known with { Kind = InstrumentKind.UpDownCounter, Unit = Units.Connections },
            _ => known,
        };
    }
}

/// <summary>A section that a probe takes counters from.</summary>
/// <param name="Section">The kernel's name; it ends in 6 where the section is in /proc/net/snmp6.</param>
/// <param name="Prefix">What the metric names begin with, with its last dot.</param>
internal sealed record MibSectionRule(string Section, string Prefix)
{
    /// <summary>A prefix of the kernel's counter names that is left out of metric names.</summary>
    public string Drop { get; init; } = "";

    /// <summary>The network.type tag of all its metrics; null for protocols that count both families in one.</summary>
    public Tag? Family { get; init; }

    /// <summary>Counters that another probe exports.</summary>
    public IReadOnlySet<string> Except { get; init; } = new HashSet<string>();

    /// <summary>True when counters without words in this version belong to another probe.</summary>
    public bool KnownOnly { get; init; }
}
