using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Connects;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Connects that end as a test wants it, and what the probe says about them.</summary>
internal static class ConnectLab
{
    public const string Attempts = "netlens.connect.attempts";
    public const string Failed = "netlens.connect.failed";

    /// <summary>Begins to connect and does not wait.</summary>
    public static Socket Begin(TestNetns ns, IPAddress to, int port, int? syns = null) => ns.Inside(() =>
    {
        var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        if (syns is { } retries)
            socket.SetRawSocketOption(6, 7, BitConverter.GetBytes(retries)); // IPPROTO_TCP, TCP_SYNCNT
        try
        {
            socket.Connect(new IPEndPoint(to, port));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // Under way.
        }
        return socket;
    });

    /// <summary>Connects in vain.</summary>
    /// <returns>What the program is told.</returns>
    public static SocketError Fail(TestNetns ns, IPAddress to, int port, int local = 0) => ns.Inside(() =>
    {
        using var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (local > 0)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(Any(to), local));
        }
        return Should.Throw<SocketException>(() => socket.Connect(new IPEndPoint(to, port))).SocketErrorCode;
    });

    private static IPAddress Any(IPAddress to) =>
        to.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;

    /// <summary>The event of a failed connect.</summary>
    public static NetworkEvent Await(BpfProbeRun run, TestNetns ns, IPAddress to, int port, EventInfo? info = null)
    {
        var inode = ns.Inode;
        return run.Events.Await(e => e.Info == (info ?? ConnectKinds.FailedInfo) && e.Subject?.Inode == inode
            && e.Tuple!.Destination.Equals(TcpLab.Shown(to)) && e.Tuple.DestinationPort == port);
    }

    public static string? Text(NetworkEvent e, string field) => e.Field(field)?.Text;

    /// <summary>All events of a namespace.</summary>
    public static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => e.Subject?.Inode == inode)];
    }

    /// <summary>Collects; the namespace's connects by an attribute, in the order of its values.</summary>
    public static string[] By(BpfProbeRun run, TestNetns ns, string attribute) =>
        [.. run.SumBy(Attempts, ns, attribute).Select(p => $"{p.Key} {p.Value}").Order(StringComparer.Ordinal)];

    /// <summary>Collects, and reads the namespace's histogram.</summary>
    public static (long Count, long Nanoseconds) Times(BpfProbeRun run, TestNetns ns)
    {
        var snapshot = run.Collect();
        var metric = run.Probe.Info.Metrics.Single(m => m.Name == "netlens.connect.duration");
        if (snapshot.Find(metric.Table) is not { } table)
            return default;
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode != ns.Inode)
                continue;
            var row = r;
            var slots = Enumerable.Range(metric.Column, metric.Width - 1).Select(c => table.Column(c)[row]);
            return (slots.Sum(), table.Column(metric.Column + metric.Width - 1)[r]);
        }
        return default;
    }

    public static bool Taken(BpfProbeRun run, string hook) =>
        run.Ladder.Hooks.Single(h => h.Hook == hook).Taken is not null;

    public static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(Connect.Info, settings);

    /// <summary>A SYN is tried a second time a second later, and given up two seconds after that.</summary>
    public static void KeepRetriesShort(TestNetns ns) =>
        // Since Linux 6.5 the first four come every second, whatever the socket says.
        ns.Try("sysctl", "-q", "-w", "net.ipv4.tcp_syn_linear_timeouts=0");
}
