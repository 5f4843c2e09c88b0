using System.Net;
using System.Net.Sockets;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// A namespace in which nothing happened is not walked again, and whatever happens is seen at the next collection.
/// </summary>
public sealed class TcpStillnessTests : IDisposable
{
    private readonly TestNetns _ns = new();
    private readonly LinuxHost _host = new(new KernelPaths());
    private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);
    private readonly List<Socket> _opened = [];
    private readonly NamespaceHandle _handle;
    private readonly TcpSockets _sockets;
    private SnapshotTable _states = null!;

    public TcpStillnessTests()
    {
        _host.Refresh(0);
        _handle = _host.Namespaces.Find(_ns.Inode)!;
        var allowance = new RowAllowance(_host.Limits.Listeners, _handle.Namespace, 16);
        _sockets = new TcpSockets(_handle.Namespace, allowance, null, TcpSummary.Info.Tables[0]);
    }

    [RequiresRootFact("ss")]
    public void What_is_not_walked_is_what_ss_shows_through_a_connections_whole_life()
    {
        var server = _ns.Inside(() => Listening());
        ShouldBeStill();

        var client = _ns.Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _opened.Add(client);
        _ns.Inside(() => client.Connect(IPAddress.Loopback, 7100));
        ShouldBeSeen();
        ShouldBeStill();

        var accepted = server.Accept();
        _opened.Add(accepted);
        client.Send(new byte[1000]);
        ShouldBeSeen();
        Value("netlens.tcp.queue.usage", "receive").ShouldBe(1000);

        // Reading sends no segment: a full queue is never taken for settled.
        accepted.Receive(new byte[1000]).ShouldBe(1000);
        ShouldBeSeen();
        Value("netlens.tcp.queue.usage", "receive").ShouldBe(0);
        ShouldBeStill();

        client.Shutdown(SocketShutdown.Send);
        ShouldBeSeen();
        Value("system.network.connection.count", "close_wait").ShouldBe(1);
        // The FIN is acknowledged with a delay, FIN-WAIT-1 until then.
        KernelProbeRun.Eventually(() =>
        {
            Collect();
            return Value("system.network.connection.count", "fin_wait_2") == 1;
        });
        CompareWithSs();
        var walks = _sockets.Walks;
        Collect();
        _sockets.Walks.ShouldBe(walks + 1, "FIN-WAIT-2 ends by a timer, without a segment: it is walked each time");

        accepted.Close();
        ShouldBeSeen();
        Value("system.network.connection.count", "time_wait").ShouldBe(1);
        ShouldBeStill();
    }

    [RequiresRootFact("ss")]
    public void A_reset_and_a_socket_that_ends_without_a_segment_are_seen()
    {
        var server = _ns.Inside(() => Listening());
        var client = _ns.Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _ns.Inside(() => client.Connect(IPAddress.Loopback, 7100));
        var accepted = server.Accept();
        ShouldBeSeen();
        ShouldBeStill();
        client.LingerState = new LingerOption(true, 0);
        client.Close();
        ShouldBeSeen();
        accepted.Dispose();
        ShouldBeSeen();
        ShouldBeStill();
        Value("system.network.connection.count", "established").ShouldBe(0);
    }

    // Another collection finds the same without a walk, and it is what ss shows.
    private void ShouldBeStill()
    {
        KernelProbeRun.Eventually(() =>
        {
            var walks = _sockets.Walks;
            Collect();
            return _sockets.Walks == walks;
        });
        CompareWithSs();
    }

    private void ShouldBeSeen()
    {
        // Loopback answers at once, but the last acknowledgement of an exchange may be some milliseconds late.
        KernelProbeRun.Eventually(() =>
        {
            Collect();
            return Text() == Ss();
        });
    }

    private void Collect()
    {
        _builder.Begin();
        _sockets.Read(_handle, _builder).ShouldBeTrue(_sockets.Failure);
        _sockets.Write(_builder);
        _states = _builder.Publish().Find(TcpSummary.Info.Tables[0])!;
    }

    private void CompareWithSs() => Text().ShouldBe(Ss());

    private string Text() => string.Join(' ',
        Value("system.network.connection.count", "established"), Value("system.network.connection.count", "time_wait"),
        Value("system.network.connection.count", "close_wait"), Value("system.network.connection.count", "fin_wait_2"),
        Value("netlens.tcp.queue.usage", "receive"));

    private string Ss()
    {
        var lines = _ns.Run("ss", "-H", "-tan").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(l => l[0] != "LISTEN").ToList();
        return string.Join(' ', lines.Count(l => l[0] == "ESTAB"), lines.Count(l => l[0] == "TIME-WAIT"),
            lines.Count(l => l[0] == "CLOSE-WAIT"), lines.Count(l => l[0] == "FIN-WAIT-2"),
            lines.Sum(l => long.Parse(l[1])));
    }

    private long Value(string name, string tag)
    {
        var metric = TcpSummary.Info.Tables[0].Metrics.Single(
            m => m.Name == name && m.Tags.Any(t => t.Value.Text == tag));
        return _states.Column(metric)[0];
    }

    private Socket Listening()
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 7100));
        server.Listen(4);
        _opened.Add(server);
        return server;
    }

    public void Dispose()
    {
        foreach (var socket in _opened)
            socket.Dispose();
        _sockets.Dispose();
        _host.Dispose();
        _ns.Dispose();
    }
}
