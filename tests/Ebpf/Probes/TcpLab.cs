using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>How the two ends of a test's connection speak.</summary>
public enum Ends
{
    /// <summary>IPv4 sockets.</summary>
    V4,

    /// <summary>IPv6 sockets.</summary>
    V6,

    /// <summary>IPv6 sockets that carry IPv4.</summary>
    Mapped,
}

/// <summary>Connections between two namespaces, faults in them, and what other tools say about them.</summary>
internal static class TcpLab
{
    /// <summary>All three, in their order.</summary>
    public static IReadOnlyList<Ends> All { get; } = Enum.GetValues<Ends>();

    /// <summary>Server's address as the client's socket takes it.</summary>
    public static IPAddress Right(Ends ends) => ends switch
    {
        Ends.V4 => IPAddress.Parse(TestNetnsPair.RightIPv4),
        Ends.V6 => IPAddress.Parse(TestNetnsPair.RightIPv6),
        _ => IPAddress.Parse(TestNetnsPair.RightIPv4).MapToIPv6(),
    };

    /// <summary>Client's address as tools show it.</summary>
    public static IPAddress Left(Ends ends) =>
        IPAddress.Parse(ends == Ends.V6 ? TestNetnsPair.LeftIPv6 : TestNetnsPair.LeftIPv4);

    public static IPAddress Any(Ends ends) => ends == Ends.V4 ? IPAddress.Any : IPAddress.IPv6Any;

    /// <summary>Value of the attribute network.type.</summary>
    public static string Type(Ends ends) => ends == Ends.V6 ? "ipv6" : "ipv4";

    /// <summary>Address as events show it.</summary>
    public static IPAddress Shown(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>A socket that belongs to the namespace, from whatever thread it is used.</summary>
    public static Socket Make(TestNetns ns, Ends ends) => ns.Inside(() =>
    {
        var family = ends == Ends.V4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (ends == Ends.Mapped)
            socket.DualMode = true;
        return socket;
    });

    public static Socket Listen(TestNetns ns, Ends ends)
    {
        var socket = Make(ns, ends);
        socket.Bind(new IPEndPoint(Any(ends), 0));
        socket.Listen(16);
        return socket;
    }

    public static int Port(EndPoint? end) => ((IPEndPoint)end!).Port;

    /// <summary>A connection from left to right.</summary>
    public static (Socket Client, Socket Server) Connect(TestNetnsPair pair, Ends ends)
    {
        using var listener = Listen(pair.Right, ends);
        var client = Make(pair.Left, ends);
        client.Connect(new IPEndPoint(Right(ends), Port(listener.LocalEndPoint)));
        return (client, listener.Accept());
    }

    /// <summary>A kernel counter of the namespace since its birth, from nstat.</summary>
    public static long Nstat(TestNetns ns, string name)
    {
        using var json = JsonDocument.Parse(ns.Run("nstat", "-a", "-z", "-s", "-j"));
        return json.RootElement.GetProperty("kernel").TryGetProperty(name, out var value) ? value.GetInt64() : 0;
    }

    /// <summary>Loads a ruleset with one chain at input; empties it first.</summary>
    public static void Drop(TestNetns ns, params string[] rules)
    {
        ns.Run("nft", string.Join("; ",
        [
            "flush ruleset", "add table inet t", "add chain inet t input { type filter hook input priority 0; }",
            .. rules.Select(rule => $"add rule inet t input {rule}"),
        ]));
    }

    public static void Pass(TestNetns ns) => ns.Run("nft", "flush", "ruleset");
}

/// <summary>Resets on the wire of a namespace, by tcpdump.</summary>
internal sealed class ResetCapture : IDisposable
{
    private readonly Process _tcpdump;
    private readonly List<string> _lines = [];

    public ResetCapture(TestNetns ns)
    {
        _tcpdump = ns.Start("tcpdump", "-i", TestNetnsPair.Interface, "-n", "-l", "-t", "--immediate-mode",
            "(ip and tcp[13] & 4 != 0) or (ip6 and ip6[6] = 6 and ip6[53] & 4 != 0)");
        // "tcpdump: ..., listening on veth0, ..."
        while (_tcpdump.StandardError.ReadLine() is { } line)
        {
            if (line.Contains("listening on", StringComparison.Ordinal))
                break;
        }
        _tcpdump.OutputDataReceived += (_, e) =>
        {
            lock (_lines)
            {
                if (e.Data is { } line)
                    _lines.Add(line);
            }
        };
        _tcpdump.BeginOutputReadLine();
    }

    /// <summary>"SOURCE.PORT > DESTINATION.PORT" of every reset so far.</summary>
    public string[] Ends
    {
        get
        {
            lock (_lines)
                return [.. _lines.Select(l => l.Split(' ', 2)[1].Split(": Flags")[0])];
        }
    }

    /// <summary>As tcpdump writes it.</summary>
    public static string Of(IPAddress source, int sport, IPAddress destination, int dport) =>
        $"{TcpLab.Shown(source)}.{sport} > {TcpLab.Shown(destination)}.{dport}";

    public void Dispose()
    {
        if (!_tcpdump.HasExited)
            _tcpdump.Kill();
    }
}
