using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Transmits;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Packets that leave a namespace, and what the probe says about their way.</summary>
internal static class TransmitLab
{
    public const string FromSocket = "netlens.transmit.socket.duration";
    public const string InQueue = "netlens.transmit.queue.duration";
    public const string InDriver = "netlens.transmit.driver.duration";
    public const string Socket = "socket";
    public const string Queue = "queue";
    public const string Driver = "driver";

    /// <summary>What UDP sends is seen up to the device: where functions can be hooked.</summary>
    public static bool SeesUdp => KernelFeature.Fentry.WhyMissing is null || KernelFeature.Kprobes.WhyMissing is null;

    /// <summary>Every packet is measured.</summary>
    public static BpfProbeRun Run(params (string Key, string Value)[] settings) =>
        new("transmit", null, [("sample", "1"), ("burst", "1000"), .. settings]);

    /// <summary>Gives the left end's device another queue.</summary>
    public static void SetQueue(TestNetns ns, params string[] qdisc) =>
        ns.Run(["tc", "qdisc", "replace", "dev", TestNetnsPair.Interface, "root", .. qdisc]);

    /// <summary>Times that newer packets took the places of: all of the machine's.</summary>
    public static long Overwritten(BpfProbeRun run) =>
        new EbpfTests.Figures(run.Host).Value("netlens.ebpf.lost", "transmit", "overwritten");

    /// <summary>Packets that have left the device's queue, by tc.</summary>
    public static long Left(TestNetns ns)
    {
        using var json = JsonDocument.Parse(
            ns.Run("tc", "-s", "-j", "qdisc", "show", "dev", TestNetnsPair.Interface));
        return json.RootElement.EnumerateArray().First().GetProperty("packets").GetInt64();
    }

    /// <summary>A UDP socket of the left end, bound.</summary>
    public static Socket Udp(TestNetns ns, Ends ends) => ns.Inside(() =>
    {
        var family = ends == Ends.V4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        if (ends == Ends.Mapped)
            socket.DualMode = true;
        socket.Bind(new IPEndPoint(TcpLab.Any(ends), 0));
        return socket;
    });

    /// <summary>Begins to connect from a port that is known, and does not wait.</summary>
    public static Socket Begin(TestNetns ns, Ends ends, int port)
    {
        var socket = TcpLab.Make(ns, ends);
        socket.Bind(new IPEndPoint(TcpLab.Any(ends), 0));
        socket.Blocking = false;
        Should.Throw<SocketException>(() => socket.Connect(new IPEndPoint(TcpLab.Right(ends), port)));
        return socket;
    }

    /// <summary>Datagrams of 100 bytes to a port of the right end where nobody listens.</summary>
    public static void Send(Socket socket, Ends ends, int count)
    {
        for (var i = 0; i < count; i++)
            socket.SendTo(new byte[100], new IPEndPoint(TcpLab.Right(ends), 9));
    }

    /// <summary>Collects, and reads a histogram of a namespace: all of it, or of one row tag.</summary>
    public static (long Count, long Nanoseconds, long[] Slots) Times(
        BpfProbeRun run, TestNetns ns, string name, string? tag = null)
    {
        var snapshot = run.Collect();
        var metric = run.Probe.Info.Metrics.Single(m => m.Name == name);
        var (slots, sum) = (new long[metric.Width - 1], 0L);
        if (snapshot.Find(metric.Table) is not { } table)
            return (0, 0, slots);
        for (var row = 0; row < table.Count; row++)
        {
            if (table.Rows[row].Subject?.Inode != ns.Inode || (tag is not null && table.Rows[row].Tags[0].Text != tag))
                continue;
            for (var slot = 0; slot < slots.Length; slot++)
                slots[slot] += table.Column(metric.Column + slot)[row];
            sum += table.Column(metric.Column + slots.Length)[row];
        }
        return (slots.Sum(), sum, slots);
    }

    /// <summary>The events of a namespace by station.</summary>
    public static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns, string? station = null)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => e.Subject?.Inode == inode
            && (station is null || e.Field("netlens.transmit.station")?.Text == station))];
    }

    /// <summary>The event of a packet from a port that took so long at least.</summary>
    public static NetworkEvent Await(
        BpfProbeRun run, TestNetns ns, string station, string transport, int port, long least = 0)
    {
        var inode = ns.Inode;
        return run.Events.Await(e => e.Subject?.Inode == inode && e.Tuple is { } tuple
            && e.Field("netlens.transmit.station")?.Text == station
            && tuple.Transport == transport && tuple.SourcePort == port && e.Duration >= least);
    }

    /// <summary>Both ends as they are on the wire.</summary>
    public static FlowTuple Tuple(string transport, Ends ends, Socket from, int to) => new(
        transport, TcpLab.Left(ends), TcpLab.Port(from.LocalEndPoint), TcpLab.Shown(TcpLab.Right(ends)), to);

    public static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(Transmit.Info, settings);
}
