using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Faults;

/// <summary>
/// Two namespaces that nothing else is connected to, joined by a pair of devices with documentation addresses: nothing
/// of what is caused in them gets out.
/// </summary>
public sealed class FaultPair : IDisposable
{
    /// <summary>Pairs side by side: each has a network of its own in 192.0.2.0/24.</summary>
    public const int MostBeside = 12;

    /// <summary>Its device, at both ends.</summary>
    internal const string Device = "veth0";

    internal const int Port = 8080;

    /// <summary>One for datagrams that nobody takes.</summary>
    internal const int ClosedPort = 4243;

    private const int Prefix = 28;

    /// <summary>What a node may have switched on, and a new namespace has from it.</summary>
    private static readonly string[] Inherited = ["rp_filter", "log_martians", "accept_local", "arp_ignore"];

    /// <summary>Within one machine, whatever is not there by then does not come.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>More than a rule asks for before it calls something a fault.</summary>
    internal const int Many = 12;

    /// <summary>On another network, and nobody's.</summary>
    internal static readonly IPAddress Elsewhere = IPAddress.Parse("198.51.100.7");

    /// <param name="host">Is told of both: what finds namespaces looks at processes, not at threads.</param>
    /// <param name="place">Which of those side by side, from 0 on.</param>
    /// <exception cref="LinuxException">It cannot be made (needs CAP_SYS_ADMIN and CAP_NET_ADMIN).</exception>
    /// <exception cref="IOException">A setting of it cannot be made.</exception>
    public FaultPair(ProbeHost host, int place)
        : this(host.Bpf.Paths.Proc, place)
    {
        host.Namespaces.Hear(Client.ThreadId, Client.Inode);
        host.Namespaces.Hear(Server.ThreadId, Server.Inode);
    }

    /// <summary>One of which nobody is told.</summary>
    /// <param name="proc">Where /proc is.</param>
    /// <param name="place">Which of those side by side, from 0 on.</param>
    /// <exception cref="LinuxException">It cannot be made (needs CAP_SYS_ADMIN and CAP_NET_ADMIN).</exception>
    /// <exception cref="IOException">A setting of it cannot be made.</exception>
    public FaultPair(string proc, int place)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(place, MostBeside);
        IPAddress Own(int number) => new([192, 0, 2, (byte)((place << (32 - Prefix)) + number)]);
        (ClientAddress, ServerAddress, Nobody) = (Own(1), Own(2), Own(7));
        ServerIPv6 = IPAddress.Parse($"2001:db8:0:{place + 1:x}::2");
        Client = new FaultNamespace(proc);
        try
        {
            Server = new FaultNamespace(proc);
            Reset(Client);
            Reset(Server);
            using (var other = Server.Run(static () => SafeFd.Open("/proc/thread-self/ns/net")))
                Client.AddPair(Device, Device, other);
            Join(Client, ClientAddress, IPAddress.Parse($"2001:db8:0:{place + 1:x}::1"));
            Join(Server, ServerAddress, ServerIPv6);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public FaultNamespace Client { get; }

    public FaultNamespace Server { get; } = null!;

    internal IPAddress ClientAddress { get; }

    internal IPAddress ServerAddress { get; }

    internal IPAddress ServerIPv6 { get; }

    /// <summary>On the same network, and nobody's.</summary>
    internal IPAddress Nobody { get; }

    /// <summary>Times that its fault was caused before.</summary>
    public int Round { get; private set; }

    internal bool IsFirst => Round == 0;

    /// <summary>How much of its fault is caused: 1 as it is documented, 1/4 a quarter of that.</summary>
    public double Intensity { get; init; } = 1;

    /// <summary>How many of something its intensity makes.</summary>
    /// <param name="count">Of 1.</param>
    /// <param name="least">Not fewer: so many each half second are enough for the fault's rule.</param>
    internal int Times(int count, int least) => Math.Max(Math.Min(least, count), (int)(count * Intensity));

    /// <summary>A listener that a fault has to remember from one time to the next.</summary>
    internal Socket? Listener { get; set; }

    /// <summary>Connections that it has to remember.</summary>
    internal List<(Socket Client, Socket Server)> Connections { get; } = [];

    /// <summary>Causes its fault, or more of it.</summary>
    public void Cause(Fault fault)
    {
        fault.Cause(this);
        Round++;
    }

    /// <summary>Connections from the client to the server.</summary>
    /// <exception cref="SocketException">One could not be made.</exception>
    internal List<(Socket Client, Socket Server)> Connect(
        Socket listener, int count = Many, Action<Socket>? prepare = null)
    {
        var made = new List<(Socket, Socket)>();
        for (var i = 0; i < count; i++)
        {
            var client = Bounded(Client.Tcp());
            ConnectFaults.Set(client, TcpUapi.TCP_SYNCNT, 3);
            prepare?.Invoke(client);
            client.Connect(ServerAddress, Port);
            made.Add((client, Bounded(Accept(listener))));
        }
        return made;
    }

    /// <summary>The next connection, which is under way.</summary>
    internal Socket Accept(Socket listener)
    {
        if (!listener.Poll(Patience, SelectMode.SelectRead))
            throw new SocketException((int)SocketError.TimedOut);
        var server = Server.Keep(listener.Accept());
        server.NoDelay = true;
        return server;
    }

    // An answer that never comes must not hold up the faults beside it for ever.
    private static Socket Bounded(Socket socket)
    {
        socket.SendTimeout = (int)Patience.TotalMilliseconds;
        socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        return socket;
    }

    // The node's own settings may be others, and IPv4's are inherited.
    private static void Reset(FaultNamespace ns)
    {
        ns.Set("net.ipv4.ip_forward", "0");
        // A closed connection whose peer is gone keeps the namespace until the kernel gives it up.
        ns.Set("net.ipv4.tcp_orphan_retries", "1");
        var hasIPv6 = ns.Run(static () => Directory.Exists("/proc/sys/net/ipv6/conf"));
        foreach (var name in new[] { "all", "default" })
        {
            foreach (var setting in Inherited)
                ns.Set($"net.ipv4.conf.{name}.{setting}", "0");
            if (hasIPv6)
                ns.Set($"net.ipv6.conf.{name}.disable_ipv6", "0");
        }
    }

    private static void Join(FaultNamespace ns, IPAddress ipv4, IPAddress ipv6)
    {
        ns.AddAddress(Device, ipv4, Prefix);
        if (HasIPv6(ns))
            ns.AddAddress(Device, ipv6, 64);
        ns.SetLink(Device);
    }

    private static bool HasIPv6(FaultNamespace ns) =>
        ns.Run(static () => File.Exists("/proc/thread-self/net/if_inet6"));

    public void Dispose()
    {
        Connections.Clear();
        Client.Dispose();
        Server?.Dispose();
    }
}
