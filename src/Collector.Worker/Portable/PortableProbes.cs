using Collector.Core.Probes;
using Collector.Core.Subjects;

namespace Collector.Worker.Portable;

/// <summary>A probe that runs without Linux: which Linux probe it stands for, and how it is made.</summary>
internal sealed record PortableRegistration(string Id, Func<ProbeInfo, ProbeSettings, NetNamespace, Probe> Create);

/// <summary>
/// The probes that read System.Net.NetworkInformation instead of the kernel's files. Each fills the tables of the
/// Linux probe of its id, so a name, a unit or a label cannot differ; what the system does not tell stays absent.
/// </summary>
/// <remarks>The base library allocates in every call: these probes do too, some kilobytes per collection.</remarks>
internal static class PortableProbes
{
    public static IReadOnlyList<PortableRegistration> List { get; } =
    [
        new("netdev", static (info, settings, ns) => new PortableNetdev(info, settings, ns)),
        new("tcp", static (info, _, ns) => PortableProtocols.Tcp(info, ns)),
        new("udp", static (info, _, ns) => PortableProtocols.Udp(info, ns)),
        new("ip", static (info, _, ns) => PortableProtocols.Ip(info, ns)),
        new("icmp", static (info, _, ns) => PortableProtocols.Icmp(info, ns)),
    ];

    /// <summary>Makes the stand-in for a probe.</summary>
    /// <exception cref="ProbeUnavailableException">The probe needs Linux.</exception>
    public static Probe Create(ProbeInfo info, ProbeSettings settings, NetNamespace machine) =>
        List.FirstOrDefault(p => p.Id == info.Id)?.Create(info, settings, machine)
        ?? throw new ProbeUnavailableException("needs Linux");
}
