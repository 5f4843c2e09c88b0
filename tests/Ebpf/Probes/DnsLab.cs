using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Dns;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>DNS queries that end as a test wants it, and what the probe says about them.</summary>
internal static class DnsLab
{
    public const string Lookups = "netlens.dns.lookups";
    public const string Failed = "netlens.dns.failed";
    public const string Retries = "netlens.dns.retries";
    public const string FiveSeconds = "netlens.dns.five_second_retries";
    public const string Late = "netlens.dns.late";

    /// <summary>
    /// Two namespaces that know each other's hardware addresses already: what has to wait for one leaves later, and in
    /// anybody's name.
    /// </summary>
    public static TestNetnsPair Pair()
    {
        var pair = DropTraffic.Pair();
        try
        {
            pair.Left.Run("ping", "-q", "-c", "1", "-i", "0.1", "-w", "10", TestNetnsPair.RightIPv4);
            return pair;
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    /// <summary>A query as resolvers send it: one question of class IN.</summary>
    public static byte[] Query(int id, string name = "web.shop.example", int type = 1)
    {
        var query = new List<byte> { (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.Split('.'))
        {
            query.Add((byte)label.Length);
            query.AddRange(Encoding.ASCII.GetBytes(label));
        }
        query.AddRange([0, 0, (byte)type, 0, 1]);
        return [.. query];
    }

    /// <summary>The answer to a query, without any record.</summary>
    public static byte[] Answer(ReadOnlySpan<byte> query, int code = 0, bool truncated = false)
    {
        var answer = query.ToArray();
        answer[2] |= (byte)(truncated ? 0x82 : 0x80);
        answer[3] = (byte)(0x80 | code);
        return answer;
    }

    /// <summary>A socket of the namespace that sends to a server; its answers are waited for.</summary>
    public static Socket Client(TestNetns ns, IPAddress server, int port = 53, int local = 0) => ns.Inside(() =>
    {
        var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        socket.Bind(new IPEndPoint(
            server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, local));
        socket.Connect(new IPEndPoint(server, port));
        return socket;
    });

    /// <summary>Asks and waits for the answer.</summary>
    public static byte[] Ask(TestNetns ns, IPAddress server, byte[] query, int port = 53)
    {
        using var client = Client(ns, server, port);
        client.Send(query);
        var answer = new byte[1500];
        return answer[..client.Receive(answer)];
    }

    /// <summary>Both addresses of the right namespace, where servers are.</summary>
    public static IPAddress[] Servers { get; } = [TcpLab.Right(Ends.V4), TcpLab.Right(Ends.V6)];

    /// <summary>Collects; a namespace's queries by outcome, in the order of their names.</summary>
    public static string[] Outcomes(BpfProbeRun run, TestNetns ns) =>
        [.. run.SumBy(Lookups, ns, "netlens.dns.outcome").Select(p => $"{p.Key} {p.Value}").Order()];

    public static string[] By(BpfProbeRun run, TestNetns ns, string attribute) =>
        [.. run.SumBy(Lookups, ns, attribute).Select(p => $"{p.Key} {p.Value}").Order()];

    /// <summary>Collects; how many answers of a namespace were timed, and how long they took together.</summary>
    public static (long Count, long Nanoseconds) Times(BpfProbeRun run, TestNetns ns)
    {
        var snapshot = run.Collect();
        var metric = run.Probe.Info.Metrics.Single(m => m.Name == "netlens.dns.lookup.duration");
        var (count, sum) = (0L, 0L);
        if (snapshot.Find(metric.Table) is not { } table)
            return default;
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode != ns.Inode)
                continue;
            var row = r;
            count += Enumerable.Range(metric.Column, metric.Width - 1).Sum(c => table.Column(c)[row]);
            sum += table.Column(metric.Column + metric.Width - 1)[r];
        }
        return (count, sum);
    }

    /// <summary>Queries of a namespace that the kernel side waits for.</summary>
    public static int Pending(BpfProbeRun run, TestNetns ns)
    {
        var inode = ns.Inode;
        var queries = new BpfMapReader<DnsQueryKey, DnsQuery>(
            run.Host.Bpf.Loaded.Single(s => s.Probe == "dns").Object.Map("queries"));
        queries.Read();
        return Enumerable.Range(0, queries.Count).Count(i => queries.Value(i).Netns == inode);
    }

    public static NetworkEvent Await(BpfProbeRun run, TestNetns ns, EventInfo info, IPAddress server)
    {
        var inode = ns.Inode;
        return run.Events.Await(e => e.Info == info && e.Subject?.Inode == inode
            && e.Tuple!.Destination.Equals(server));
    }

    public static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => e.Subject?.Inode == inode)];
    }
}

/// <summary>A DNS server of a namespace, by UDP over IPv4 and IPv6, that answers what a test wants it to.</summary>
internal sealed class NameServer : IDisposable
{
    private readonly Socket[] _sockets;
    private readonly Thread[] _threads;
    private readonly Func<byte[], byte[]?> _answer;
    private int _asked;

    /// <param name="ns">Where it is.</param>
    /// <param name="answer">The answer to a query; null: none.</param>
    /// <param name="port">Its port.</param>
    public NameServer(TestNetns ns, Func<byte[], byte[]?> answer, int port = 53)
    {
        _answer = answer;
        _sockets = ns.Inside<Socket[]>(() => [Bind(AddressFamily.InterNetwork), Bind(AddressFamily.InterNetworkV6)]);
        _threads = [.. _sockets.Select(s => new Thread(() => Serve(s)) { IsBackground = true })];
        foreach (var thread in _threads)
            thread.Start();

        Socket Bind(AddressFamily family)
        {
            var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            if (family == AddressFamily.InterNetworkV6)
                socket.DualMode = false;
            socket.Bind(new IPEndPoint(
                family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
            return socket;
        }
    }

    /// <summary>Answers all with a code.</summary>
    public NameServer(TestNetns ns, int code = 0) : this(ns, query => DnsLab.Answer(query, code))
    {
    }

    /// <summary>Queries that came.</summary>
    public int Asked => Volatile.Read(ref _asked);

    private void Serve(Socket socket)
    {
        var buffer = new byte[2000];
        while (true)
        {
            EndPoint from = new IPEndPoint(
                socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
            try
            {
                var length = socket.ReceiveFrom(buffer, ref from);
                Interlocked.Increment(ref _asked);
                if (_answer(buffer[..length]) is { } answer)
                    socket.SendTo(answer, from);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // Who asked is gone.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        foreach (var thread in _threads)
            thread.Join(TimeSpan.FromSeconds(60));
    }
}
