using Collector.Core.Probes;

namespace Collector.Linux.Probes;

/// <summary>A probe that can be made: its description and how.</summary>
public sealed record ProbeRegistration(ProbeInfo Info, Func<LinuxHost, ProbeSettings, Probe> Create);

/// <summary>Every Linux probe, in the order in which they are collected and listed. The only registry.</summary>
public static class AllProbes
{
    public static IReadOnlyList<ProbeRegistration> List { get; } =
    [
        new(Tcp.Description, (host, settings) => new Tcp(host, settings)),
        new(TcpExt.Description, (host, settings) => new TcpExt(host, settings)),
        new(Udp.Description, (host, settings) => new Udp(host, settings)),
        new(Ip.Description, (host, settings) => new Ip(host, settings)),
        new(IpExt.Description, (host, settings) => new IpExt(host, settings)),
        new(Icmp.Description, (host, settings) => new Icmp(host, settings)),
        new(Sock.Description, (host, _) => new Sock(host)),
        new(Softnet.Description, (host, settings) => new Softnet(host, settings)),
        new(Ipvs.Description, (host, _) => new Ipvs(host)),
        new(Slab.Description, (host, _) => new Slab(host)),
        new(Rdma.Description, (host, settings) => new Rdma(host, settings)),
    ];
}
