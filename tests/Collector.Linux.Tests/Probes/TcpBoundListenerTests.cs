using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Listeners that share address and port but not the device, on the real kernel against ss(8).</summary>
public sealed class TcpBoundListenerTests : IDisposable
{
    private const string Depth = "netlens.tcp.listen.queue.usage";
    private const string Highest = "netlens.tcp.listen.queue.highest";
    private const string HighestLimit = "netlens.tcp.listen.queue.highest_limit";
    private const string Limit = "netlens.tcp.listen.queue.limit";
    private const string Sockets = "netlens.tcp.listen.socket.count";

    private readonly List<Socket> _sockets = [];

    [RequiresRootFact("ss")]
    public void Listeners_bound_to_devices_have_a_row_each_in_which_the_full_one_is_full()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        Listen(ns, IPAddress.Any, 179, 2, "veth0");
        Listen(ns, IPAddress.Any, 179, 50, "lo");
        Connect(pair.Left, TestNetnsPair.RightIPv4, 179, 5);
        using var run = new KernelProbeRun("tcpsummary");
        KernelProbeRun.Eventually(() => Compare(run, ns) is var rows && rows.Count == 2
            && rows["0.0.0.0%veth0:179"] is var full && full[Depth] == 3 && full[Limit] == 2);
    }

    [RequiresRootFact("ss")]
    public void Listeners_of_link_local_scopes_and_renamed_devices_are_told_apart_as_ss_does()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        ns.Ip("link add veth1 type veth peer name veth2", "link set veth1 up", "link set veth2 up",
            "addr add fe80::1/64 dev veth0 nodad", "addr add fe80::1/64 dev veth1 nodad");
        var scopes = new[] { "veth0", "veth1" }.Select(d => Index(ns, d)).ToList();
        for (var i = 0; i < 2; i++)
            Listen(ns, new IPAddress(IPAddress.Parse("fe80::1").GetAddressBytes(), scopes[i]), 7100, 7 + i);
        using var run = new KernelProbeRun("tcpsummary");
        Compare(run, ns).Keys.ShouldBe(["[fe80::1]%veth0:7100", "[fe80::1]%veth1:7100"], ignoreOrder: true);

        var before = Compare(run, ns)["[fe80::1]%veth1:7100"];
        ns.Ip("link set veth1 down", "link set veth1 name lan7");
        var after = Compare(run, ns)["[fe80::1]%lan7:7100"];
        after.Row.StartTime.ShouldBe(before.Row.StartTime);
        after[Limit].ShouldBe(8);
        // The other end takes it along; the socket stays bound to nothing that has a name.
        ns.Run("ip", "link", "del", "veth2");
        Compare(run, ns).Keys.ShouldBe(["[fe80::1]%veth0:7100", $"[fe80::1]%if{scopes[1]}:7100"], ignoreOrder: true);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void The_fullest_of_an_address_is_the_one_with_least_room_and_has_its_own_limit()
    {
        using var pair = new TestNetnsPair();
        var wide = Listen(pair.Right, IPAddress.Any, 7101, 400);
        Connect(pair.Left, TestNetnsPair.RightIPv4, 7101, 9);
        Listen(pair.Right, IPAddress.Any, 7101, 1);
        using var run = new KernelProbeRun("tcpsummary");
        // Half of what comes now is the narrow one's, which holds two.
        Connect(pair.Left, TestNetnsPair.RightIPv4, 7101, 16);
        KernelProbeRun.Eventually(() =>
        {
            var row = run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7101);
            row[Sockets].ShouldBe(2);
            row[Limit].ShouldBe(401);
            return row[Depth] > 10 && row[Highest] == 2 && row[HighestLimit] == 1;
        });
        wide.Dispose();
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var ns = new TestNetns();
        ns.Ip("link add veth1 type veth peer name veth2");
        Listen(ns, IPAddress.Any, 7102, 10, "lo");
        Listen(ns, IPAddress.Any, 7102, 10, "veth1");
        ns.Run("ip", "link", "del", "veth1");
        KernelProbeRun.AllocatedInHundred("tcpsummary", ns).ShouldBe(0);
    }

    // Rows by what ss(8) calls them, after they were found equal to its queues. Connections go on by themselves: equal
    // looks on both sides of ours prove the moment.
    private static Dictionary<string, ReadRow> Compare(KernelProbeRun run, TestNetns ns)
    {
        Dictionary<string, ReadRow> rows = [];
        var seen = "";
        KernelProbeRun.Eventually(() =>
        {
            var before = ns.Run("ss", "-H", "-ltn");
            rows = run.Rows("tcpsummary.listen", ns).ToDictionary(NameOf);
            seen = ns.Run("ss", "-H", "-ltn");
            return before == seen;
        });
        foreach (var line in seen.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // LISTEN 3 2 0.0.0.0%veth0:179 0.0.0.0:*
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            rows[fields[3]][Depth].ShouldBe(long.Parse(fields[1]), line);
            rows[fields[3]][Limit].ShouldBe(long.Parse(fields[2]), line);
            rows[fields[3]][HighestLimit].ShouldBe(long.Parse(fields[2]), line);
        }
        return rows;
    }

    private static string NameOf(ReadRow row)
    {
        var address = row.Tags[0].Text!;
        var device = row.Tags[2].Text is { Length: > 0 } name ? "%" + name : "";
        return $"{(address.Contains(':') ? $"[{address}]" : address)}{device}:{row.Tags[1]}";
    }

    private static long Index(TestNetns ns, string device) =>
        long.Parse(ns.Run("cat", $"/sys/class/net/{device}/ifindex"));

    private Socket Listen(TestNetns ns, IPAddress address, int port, int backlog, string? device = null)
    {
        var socket = ns.Inside(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            made.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_REUSEPORT
            if (device is not null)
                made.SetRawSocketOption(1, 25, Encoding.ASCII.GetBytes(device)); // SO_BINDTODEVICE
            made.Bind(new IPEndPoint(address, port));
            made.Listen(backlog);
            return made;
        });
        _sockets.Add(socket);
        return socket;
    }

    private void Connect(TestNetns ns, string to, int port, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var socket = ns.Inside(
                () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
            _sockets.Add(socket);
            // It goes on by itself, or never ends because the queue is full.
            Should.Throw<SocketException>(() => socket.Connect(IPAddress.Parse(to), port));
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
    }
}
