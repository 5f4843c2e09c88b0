using System.Diagnostics;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>A connection whose data wait as long as a test wants, and what the probe says about it.</summary>
internal sealed class WaitLab : IDisposable
{
    private const string Writes = "data that are written and sent";

    public WaitLab(TestNetnsPair pair, Ends ends) => (Client, Server) = TcpLab.Connect(pair, ends);

    public Socket Client { get; }

    public Socket Server { get; }

    public int ClientPort => TcpLab.Port(Client.LocalEndPoint);

    public int ServerPort => TcpLab.Port(Server.LocalEndPoint);

    /// <summary>Sends, and reads so many milliseconds after the data are there.</summary>
    /// <returns>Nanoseconds that they waited at least and at most.</returns>
    public (long Least, long Most) ReadLate(Socket from, Socket to, int milliseconds)
    {
        var sent = Stopwatch.GetTimestamp();
        from.Send("late"u8);
        to.Poll(-1, SelectMode.SelectRead).ShouldBeTrue();
        var ready = Stopwatch.GetTimestamp();
        Thread.Sleep(milliseconds);
        var least = Stopwatch.GetElapsedTime(ready);
        to.Receive(new byte[100]).ShouldBe(4);
        return ((long)least.TotalNanoseconds, (long)Stopwatch.GetElapsedTime(sent).TotalNanoseconds);
    }

    /// <summary>A request and its answer, each read at once.</summary>
    public void Ask()
    {
        Client.Send("question"u8);
        Server.Receive(new byte[100]).ShouldBe(8);
        Server.Send("answer"u8);
        Client.Receive(new byte[100]).ShouldBe(6);
    }

    /// <summary>So many bytes, read as fast as they come.</summary>
    public void SendMuch(int bytes)
    {
        var sender = Task.Run(() =>
        {
            for (var sent = 0; sent < bytes;)
                sent += Client.Send(new byte[65536]);
        });
        var buffer = new byte[65536];
        for (var read = 0; read < bytes;)
            read += Server.Receive(buffer);
        sender.Wait();
    }

    /// <summary>The event about this connection.</summary>
    public NetworkEvent Await(BpfProbeRun run, TestNetns ns, EventInfo info)
    {
        var inode = ns.Inode;
        var ports = new[] { ClientPort, ServerPort };
        return run.Events.Await(e => e.Info == info && e.Subject?.Inode == inode
            && ports.Contains(e.Tuple!.SourcePort) && ports.Contains(e.Tuple.DestinationPort));
    }

    /// <summary>All events of a namespace.</summary>
    public static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => e.Subject?.Inode == inode)];
    }

    /// <summary>Collects, and reads a histogram of the namespace.</summary>
    /// <param name="run">The probe.</param>
    /// <param name="ns">The namespace.</param>
    /// <param name="direction">read or write.</param>
    /// <param name="role">accepted or connected.</param>
    public static (long Count, long Nanoseconds) Times(BpfProbeRun run, TestNetns ns, string direction, string role)
    {
        var snapshot = run.Collect();
        var metric = run.Probe.Info.Metrics.Single(m => m.Name == $"netlens.socketlatency.{direction}.duration");
        if (snapshot.Find(metric.Table) is not { } table)
            return default;
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode != ns.Inode || table.Rows[r].Tags[0].Text != role)
                continue;
            var row = r;
            var slots = Enumerable.Range(metric.Column, metric.Width - 1).Select(c => table.Column(c)[row]);
            return (slots.Sum(), table.Column(metric.Column + metric.Width - 1)[r]);
        }
        return default;
    }

    public static bool SeesWrites(BpfProbeRun run) =>
        run.Ladder.Hooks.Single(h => h.Hook == Writes).Taken is not null;

    /// <summary>The probe with the ways only that need no types; null where this kernel takes none of them.</summary>
    public static BpfProbeRun? Raw()
    {
        try
        {
            return new BpfProbeRun("socketlatency", static (host, settings) =>
            {
                using var whole = new SocketLatency(host, settings);
                var hooks = whole.Ladders.Select(h => h with { Ways = [.. h.Ways.Where(IsRaw)] });
                return new SocketLatency(host, settings, [.. hooks]);
            });
        }
        catch (ProbeUnavailableException)
        {
            return null;
        }
    }

    private static bool IsRaw(Way way) => way.Programs[0].EndsWith("_raw") || way.Programs[0].EndsWith("_kprobe");

    public static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(SocketLatency.Info, settings);

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }
}
