using Collector.Linux.Findings.Buffers;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Ports;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Faults;

/// <summary>Every fault that <c>netlens selftest</c> can cause. The only registry.</summary>
public static class AllFaults
{
    public static IReadOnlyList<Fault> List { get; } =
    [
        new(AcceptQueueOverflow.Kind, TcpExt.Of("TcpExt", "ListenOverflows"), ListenKinds.Overflow,
            "six connects to a listener of one place that accepts nobody", SocketFaults.FillAcceptQueue),
        new(ConnectRefused.Kind, Tcp.Of("Tcp", "AttemptFails"), ConnectKinds.FailedInfo,
            "connects to a port where nobody listens", SocketFaults.ConnectToNobody),
        new(EphemeralPortsExhausted.Kind, ConnectCounters.Failures, ConnectKinds.FailedInfo,
            "more connects to one listener than there are local ports (four)", SocketFaults.UseAllPorts),
        new(UdpOverflow.Kind, Udp.Of("Udp", "RcvbufErrors"), null,
            "200 datagrams to a socket of the smallest buffer that nobody reads", SocketFaults.FillReceiveBuffer),
        new(UnreadData.Kind, TcpExt.Of("TcpExt", "TCPAbortOnClose"), TcpReset.Sent,
            "a server that closes without reading what came", SocketFaults.CloseUnread),
        new(LingerZero.Kind, TcpExt.Of("TcpExt", "TCPAbortOnData"), TcpReset.Sent,
            "a server that ends connections with SO_LINGER of 0", SocketFaults.CloseByReset),
    ];
}
