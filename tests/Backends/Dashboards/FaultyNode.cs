using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Backends.Tests.Dashboards;

/// <summary>
/// Two namespaces with traffic, names asked, a listener that accepts nobody, connections that are tracked, and beside
/// them the faults of <c>netlens selftest</c>, for as long as it is not disposed.
/// </summary>
internal sealed class FaultyNode : IDisposable
{
    private const int Echo = 8080;
    private const int Full = 8081;
    private const int Unread = 8082;
    private const int Late = 8083;
    private const int Dns = 53;

    // Each moves figures that no other moves. As many as a command causes at a time.
    private static readonly string[][] Kinds =
    [
        [
            "ephemeral-ports-filling", "close-wait-leak", "peer-slow-reader", "dead-peer", "connect-timeout",
            "nobody-listens", "syn-queue-full", "syn-cookies-under-load", "client-port-reuse", "udp-receive-overflow",
        ],
        [
            "slow-reader", "receive-pruning", "time-wait-overflow", "app-closed-with-unread-data", "reset-to-timewait",
            "neighbour-unresolved", "mac-flap", "rp-filter", "qdisc-drop",
        ],
    ];

    private readonly TestNetnsPair _pair = new();
    private readonly TestNetnsPair _ports = new();
    private readonly CancellationTokenSource _end = new();
    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private readonly string _file = Path.GetTempFileName();
    private readonly Process[] _processes;

    public FaultyNode()
    {
        _pair.Right.Run("nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
            + "add rule inet t c ct state invalid drop");
        // A queue to measure, and no room in TIME_WAIT.
        _pair.Left.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "pfifo", "limit", "1000");
        _pair.Left.Sysctl("net.ipv4.tcp_max_tw_buckets", "3");
        // A router, to a network with a smaller MTU and to nowhere.
        _pair.Right.Sysctl("net.ipv4.ip_forward", "1");
        _pair.Right.Ip("link add small mtu 1000 type veth peer name far", "link set far up", "link set small up",
            "addr add 203.0.113.1/24 dev small");
        _pair.Left.Ip($"route add 203.0.113.0/24 via {TestNetnsPair.RightIPv4}",
            $"route add 198.51.100.0/24 via {TestNetnsPair.RightIPv4}");
        _ports.Left.Sysctl("net.ipv4.ip_local_port_range", "40000 40399");
        Serve(Listener(_pair, Echo, 16));
        Answer(Bound());
        Keep(Listener(_pair, Full, 1));
        Keep(Listener(_pair, Unread, 16));
        var late = Listener(_pair, Late, 16);
        // Of a fixed size: one that grows with its use is soon larger than what is on its way.
        late.ReceiveBufferSize = 16 * 1024;
        Keep(late);
        Keep(Listener(_ports, Full, 512));
        Run(Talk);
        Run(Overflow);
        Run(TakePort);
        Run(() => SendTo("203.0.113.9"));
        Run(() => SendTo("198.51.100.9"));
        Run(() => SendTo("192.0.2.99")); // Nobody is there.
        FillWindow(Unread);
        Run(ReadLate(FillWindow(Late), late.Accept()));
        Run(FillBuffer(Datagrams(), Datagrams()));
        Run(TellTooBig(_pair.Left.Inside(static () =>
            new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6))));
        _processes = [.. Kinds.Select(Start), Read()];
    }

    /// <summary>Name of the namespace whose listener accepts nobody.</summary>
    public string Listening => _pair.Right.Name;

    private static Process Start(string[] kinds) =>
        Start(TestProgram.Path, ["selftest", "--for", "10m", "--inject", .. kinds]);

    // The only process that is in a namespace; threads are of the namespace of theirs.
    private Process Read() => Start("ip",
    [
        "netns", "exec", _pair.Left.Name, "timeout", "600", "sh", "-c",
        "while :; do read -r up < /proc/uptime; echo $up; sleep 0.2; done",
    ]);

    private static Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var own = start.Environment.Keys.Where(k => k.StartsWith("NETLENS_", StringComparison.Ordinal)).ToArray();
        foreach (var name in own)
            start.Environment.Remove(name);
        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static Socket Listener(TestNetnsPair pair, int port, int backlog) => pair.Right.Inside(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, port));
        socket.Listen(backlog);
        return socket;
    });

    private Socket Bound() => _pair.Right.Inside(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, Dns));
        return socket;
    });

    private void Serve(Socket listener) => Until(listener, () =>
    {
        using var client = listener.Accept();
        var buffer = new byte[4096];
        for (int n; (n = client.Receive(buffer)) > 0;)
            client.Send(buffer.AsSpan(0, n));
    });

    private void Answer(Socket server) => Until(server, () =>
    {
        var query = new byte[512];
        EndPoint client = new IPEndPoint(IPAddress.Any, 0);
        var length = server.ReceiveFrom(query, ref client);
        query[2] |= 0x80; // An answer, without an error and without a record.
        server.SendTo(query.AsSpan(0, length), SocketFlags.None, client);
    });

    private void Talk()
    {
        using var stream = Client(SocketType.Stream, Echo);
        stream.Send(new byte[2048]);
        stream.Receive(new byte[4096]);
        // For a name of one letter, type A: 12 bytes of header, the name, type and class.
        byte[] query = [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, (byte)'a', 0, 0, 1, 0, 1];
        using var dns = Client(SocketType.Dgram, Dns);
        dns.Send(query);
        dns.Receive(new byte[512]);
        using var disk = new FileStream(_file, FileMode.Open, FileAccess.Write);
        disk.Write(query);
        disk.Flush(flushToDisk: true);
    }

    // Two are let in, more wait in vain.
    private void Overflow()
    {
        var clients = Enumerable.Range(0, 4).Select(_ => Client(SocketType.Stream, Full, connect: false)).ToArray();
        _end.Token.WaitHandle.WaitOne(2000);
        foreach (var client in clients)
            client.Dispose();
    }

    // Never cut: the kernel refuses later ones itself where it was told of the path's MTU.
    private void SendTo(string address)
    {
        using var client = _pair.Left.Inside(Datagrams);
        client.DontFragment = true;
        client.SendTo(new byte[1400], new IPEndPoint(IPAddress.Parse(address), Echo));
    }

    // One more of four hundred after another; the listener keeps them waiting.
    private void TakePort()
    {
        if (_sockets.Count < 250)
            Keep(Client(SocketType.Stream, Full, pair: _ports));
        _end.Token.WaitHandle.WaitOne(200);
    }

    // Until the peer, who does not read, takes no more: from then on its window is probed.
    private Socket FillWindow(int port)
    {
        var client = Client(SocketType.Stream, port);
        Keep(client);
        client.Blocking = false;
        Fill(client);
        return client;
    }

    private static void Fill(Socket client)
    {
        while (client.Send(new byte[65536], SocketFlags.None, out _) > 0)
            continue;
    }

    // Its window closes again and again.
    private Action ReadLate(Socket client, Socket server)
    {
        Keep(server);
        return () =>
        {
            while (server.Available > 0)
                server.Receive(new byte[65536]);
            Fill(client);
        };
    }

    // Of the node: only its sockets have rows of their own.
    private static Socket Datagrams() => new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    private Action FillBuffer(Socket full, Socket client)
    {
        full.ReceiveBufferSize = 1;
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        client.Connect(full.LocalEndPoint!);
        Keep(full);
        Keep(client);
        return () =>
        {
            for (var i = 0; i < 20; i++)
                client.Send(new byte[200]);
        };
    }

    // Type 2, a path of 1280 bytes, and the beginning of a packet that nobody sent; the kernel adds the checksum.
    private Action TellTooBig(Socket raw)
    {
        Keep(raw);
        var message = new byte[8 + 40 + 8];
        (message[0], message[6], message[8]) = (2, 5, 0x60);
        var peer = new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv6), 0);
        return () => raw.SendTo(message, peer);
    }

    private Socket Client(SocketType type, int port, bool connect = true, TestNetnsPair? pair = null)
    {
        var socket = (pair ?? _pair).Left.Inside(() => new Socket(
            AddressFamily.InterNetwork, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp)
        {
            ReceiveTimeout = 2000, SendTimeout = 2000, Blocking = connect,
        });
        try
        {
            socket.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), port);
        }
        catch (SocketException) when (!connect)
        {
            // It is under way.
        }
        return socket;
    }

    private void Keep(Socket socket)
    {
        lock (_sockets)
            _sockets.Add(socket);
    }

    private void Until(Socket server, Action once)
    {
        Keep(server);
        Run(once);
    }

    private void Run(Action once)
    {
        var thread = new Thread(() =>
        {
            while (!_end.IsCancellationRequested)
            {
                try
                {
                    once();
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // Late, or at the end.
                }
                _end.Token.WaitHandle.WaitOne(100);
            }
        });
        thread.Start();
        _threads.Add(thread);
    }

    public void Dispose()
    {
        _end.Cancel();
        _sockets.ForEach(s => s.Dispose());
        _threads.ForEach(t => t.Join());
        foreach (var process in _processes)
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }
        _pair.Dispose();
        _ports.Dispose();
        _end.Dispose();
        File.Delete(_file);
    }
}
