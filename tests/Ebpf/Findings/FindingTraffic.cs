using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Two namespaces with a server at port 8080 of the right one, and connections from the left one to it.</summary>
internal sealed class FindingTraffic : IDisposable
{
    public const int Port = 8080;
    private const int SOL_TCP = 6;
    private readonly Ends _ends;
    private readonly List<Socket> _sockets = [];
    private readonly Socket _listener;

    public FindingTraffic(Ends ends = Ends.V4)
    {
        _ends = ends;
        _listener = TcpLab.Make(Right, ends);
        _listener.Bind(new IPEndPoint(TcpLab.Any(ends), Port));
        _listener.Listen(64);
    }

    public TestNetnsPair Pair { get; } = new();

    public TestNetns Left => Pair.Left;

    public TestNetns Right => Pair.Right;

    /// <summary>The server's end as events and findings show it.</summary>
    public string Service => new IPEndPoint(TcpLab.Shown(TcpLab.Right(_ends)), Port).ToString();

    public (Socket Client, Socket Server) Connect(Action<Socket>? prepare = null)
    {
        var client = TcpLab.Make(Left, _ends);
        _sockets.Add(client);
        prepare?.Invoke(client);
        client.Connect(new IPEndPoint(TcpLab.Right(_ends), Port));
        var server = _listener.Accept();
        server.NoDelay = true;
        _sockets.Add(server);
        return (client, server);
    }

    public (Socket Client, Socket Server)[] Connect(int count, Action<Socket>? prepare = null) =>
        [.. Enumerable.Range(0, count).Select(_ => Connect(prepare))];

    public static void Set(Socket socket, int option, int value) =>
        socket.SetRawSocketOption(SOL_TCP, option, BitConverter.GetBytes(value));

    public static int Get(Socket socket, int option)
    {
        var value = new byte[4];
        socket.GetRawSocketOption(SOL_TCP, option, value);
        return BitConverter.ToInt32(value);
    }

    /// <summary>Sends so much from one end and reads it at the other.</summary>
    public static void Transfer(Socket from, Socket to, int bytes)
    {
        var sent = Task.Run(() => Send(from, bytes));
        Receive(to, bytes);
        sent.Wait(TimeSpan.FromSeconds(60)).ShouldBeTrue();
    }

    public static void Send(Socket from, int bytes)
    {
        var chunk = new byte[Math.Min(bytes, 16 * 1024)];
        for (var left = bytes; left > 0; left -= chunk.Length)
            from.Send(chunk.AsSpan(0, Math.Min(left, chunk.Length)));
    }

    public static void Receive(Socket to, int bytes)
    {
        var buffer = new byte[64 * 1024];
        for (var got = 0; got < bytes;)
        {
            var n = to.Receive(buffer.AsSpan(0, Math.Min(buffer.Length, bytes - got)));
            n.ShouldBeGreaterThan(0);
            got += n;
        }
    }

    /// <summary>
    /// A device that takes all and frees it as if it were sent: what is routed there is lost beyond the node, for all
    /// that the kernel shows.
    /// </summary>
    public void MakeAbyss() => Left.Ip("link add away type ifb", "link set away up",
        $"neigh add {TestNetnsPair.RightIPv4} lladdr 02:00:00:00:00:01 dev away nud permanent",
        $"neigh add {TestNetnsPair.RightIPv6} lladdr 02:00:00:00:00:01 dev away nud permanent");

    public void OpenAbyss() => Route("add");

    public void CloseAbyss() => Route("del");

    /// <summary>Packets of more bytes than that go the way of <see cref="MakeAbyss"/>, the others to the peer.</summary>
    public void Narrow(int most)
    {
        foreach (var (family, option) in new[] { ("ip", "-4"), ("ip6", "-6") })
        {
            Left.Run("nft", $"add table {family} narrow; "
                + $"add chain {family} narrow out {{ type route hook output priority -150; }}; "
                + $"add rule {family} narrow out meta length > {most} meta mark set 1");
            Left.Run("ip", option, "rule", "add", "fwmark", "1", "lookup", "100");
            Left.Run("ip", option, "route", "add", "default", "dev", "away", "table", "100");
        }
    }

    private void Route(string verb) => Left.Ip(
        $"route {verb} {TestNetnsPair.RightIPv4}/32 dev away src {TestNetnsPair.LeftIPv4}",
        $"route {verb} {TestNetnsPair.RightIPv6}/128 dev away src {TestNetnsPair.LeftIPv6} metric 1");

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        _listener.Dispose();
        Pair.Dispose();
    }
}

/// <summary>A setting of the whole machine, for as long as a test needs it.</summary>
internal static class Setting
{
    public static T While<T>(string name, string value, Func<T> body)
    {
        var path = $"/proc/sys/{name.Replace('.', '/')}";
        var before = File.ReadAllText(path);
        File.WriteAllText(path, value);
        try
        {
            return body();
        }
        finally
        {
            File.WriteAllText(path, before);
        }
    }
}

/// <summary>A test that changes settings of the whole machine: only where that is the test's own.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresOwnMachineFactAttribute : FactAttribute
{
    public RequiresOwnMachineFactAttribute(params string[] tools) => Skip = Lab.LabMachine.Kernel is null
        ? "changes settings of the whole machine"
        : BpfSupport.WhyNot(tools);
}
