using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Arrivals;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>A server that reads when a test wants it, and a client that sends to it.</summary>
internal sealed class ReceiveLab : IDisposable
{
    public const string Slow = "kubeskoop_kernellatency_rxslow";
    private readonly Socket _client;
    private readonly Socket _server;
    private readonly byte[] _buffer = new byte[64];

    /// <param name="pair">The server is on the right.</param>
    /// <param name="transport">tcp or udp.</param>
    /// <param name="ends">How they speak.</param>
    public ReceiveLab(TestNetnsPair pair, string transport, Ends ends)
    {
        (Transport, Ends) = (transport, ends);
        if (transport == "tcp")
        {
            (_client, _server) = TcpLab.Connect(pair, ends);
            return;
        }
        _server = Datagrams(pair.Right, ends);
        _server.Bind(new IPEndPoint(TcpLab.Any(ends), 0));
        _client = Datagrams(pair.Left, ends);
        _client.Connect(new IPEndPoint(TcpLab.Right(ends), Port));
    }

    /// <summary>IPv4, IPv6, and IPv4 through IPv6 sockets, by both protocols.</summary>
    public static ReceiveLab[] All(TestNetnsPair pair) =>
    [
        .. from transport in new[] { "tcp", "udp" }
           from ends in TcpLab.All
           select new ReceiveLab(pair, transport, ends),
    ];

    public string Transport { get; }

    public Ends Ends { get; }

    public int Port => TcpLab.Port(_server.LocalEndPoint);

    private static Socket Datagrams(TestNetns ns, Ends ends) => ns.Inside(() =>
    {
        var family = ends == Ends.V4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var made = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        if (ends == Ends.Mapped)
            made.DualMode = true;
        return made;
    });

    public void Send(int bytes = 64) => _client.Send(new byte[bytes]);

    /// <summary>Five datagrams that are on the way before the first is looked at.</summary>
    public void SendAtOnce()
    {
        _client.SetRawSocketOption(17, 103, BitConverter.GetBytes(64)); // SOL_UDP, UDP_SEGMENT
        Send(5 * 64);
    }

    /// <summary>Reads up to so many bytes; waits for them.</summary>
    public void Read(int bytes = 64) => _server.Receive(_buffer.AsSpan(0, bytes)).ShouldBe(bytes);

    /// <summary>Looks at what comes next, which stays.</summary>
    public void Look() => _server.Receive(_buffer, SocketFlags.Peek).ShouldBe(64);

    /// <summary>Its event, by where it went.</summary>
    public NetworkEvent Await(BpfProbeRun run, EventInfo kind) => run.Events.Await(e => Is(e, kind));

    public int Count(BpfProbeRun run, EventInfo kind) => run.Events.All.Count(e => Is(e, kind));

    private bool Is(NetworkEvent e, EventInfo kind) =>
        e.Info == kind && e.Tuple is { } tuple && tuple.Transport == Transport && tuple.DestinationPort == Port
        && tuple.Destination.Equals(TcpLab.Shown(TcpLab.Right(Ends)));

    /// <summary>Collects; buckets and nanoseconds of a station.</summary>
    public static (long[] Buckets, long Nanoseconds) Times(
        BpfProbeRun run, TestNetns ns, string station, string transport)
    {
        var snapshot = run.Collect();
        var metric = ReceiveCounters.Table.Metrics[0];
        TagValue[] tags = [station, transport];
        if (snapshot.Find(metric.Table) is not { } table)
            return ([], 0);
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode != ns.Inode || !table.Rows[r].Tags.SequenceEqual(tags))
                continue;
            var row = r;
            return ([.. Enumerable.Range(metric.Column, metric.Width - 1).Select(c => table.Column(c)[row])],
                table.Column(metric.Column + metric.Width - 1)[r]);
        }
        return ([], 0);
    }

    public static long Count(BpfProbeRun run, TestNetns ns, string station, string transport) =>
        Times(run, ns, station, transport).Buckets.Sum();

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }
}
