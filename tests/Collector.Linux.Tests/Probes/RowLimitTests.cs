using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Linux.Limits;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Rows of what a user can make more of: so many, and one for the rest that has what they counted.</summary>
[Collection(AloneCollection.Name)]
public sealed class RowLimitTests
{
    private static readonly LimitOptions Ten = new() { Rows = 10 };
    private static readonly (string, string) EveryDevice = ("devices", "*");

    [RequiresRootFact("setpriv", "unshare")]
    public void Of_3000_interfaces_of_a_user_ten_have_rows_and_the_rest_is_counted()
    {
        using var pod = new TestNetnsPair();
        using var user = AnyUser.InNamespace();
        using var run = KernelProbeRun.Limited(Ten, "netdev", EveryDevice);
        var before = Names(run.Rows("netdev", pod.Left.Inode));
        user.AddPairs("v", 1500);
        var names = Names(run.Rows("netdev", user.Inode));
        names.Count.ShouldBe(11);
        names[^1].ShouldBe("other");
        run.Host.Limits.Interfaces.LeftOut.ShouldBe(3001 - 10, "lo is one, too");

        // Not read again at once, and told the same.
        Names(run.Rows("netdev", user.Inode)).ShouldBe(names);
        run.Host.Limits.Interfaces.LeftOut.ShouldBe(3001 - 10);
        Names(run.Rows("netdev", pod.Left.Inode)).ShouldBe(before);
        before.ShouldBe(["lo", TestNetnsPair.Interface]);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact("setpriv", "unshare")]
    public void All_namespaces_of_users_together_have_as_many_rows_as_one_of_root()
    {
        using var ns = new TestNetns();
        for (var i = 0; i < 9; i++)
            ns.Ip($"link add p{i} type veth peer name q{i}");
        using var first = AnyUser.InNamespace();
        using var second = AnyUser.InNamespace();
        first.AddPairs("v", 3);
        using var run = KernelProbeRun.Limited(Ten, "netdev", EveryDevice);
        Names(run.Rows("netdev", ns.Inode)).Count.ShouldBe(10 + 1);
        second.AddPairs("w", 3);
        run.Collect();
        var rows = Names(run.Rows("netdev", first.Inode)).Concat(Names(run.Rows("netdev", second.Inode))).ToArray();
        rows.Count(n => n != "other").ShouldBe(10);
        rows.Count(n => n == "other").ShouldBe(1);
        run.Host.Limits.Interfaces.LeftOut.ShouldBe(19 - 10 + 14 - 10);

        // What the first had is free for the second's new ones; who was left out stays so.
        first.Do("ip link del v1; ip link del v2");
        run.Collect();
        second.AddPairs("x", 1);
        Names(run.Rows("netdev", second.Inode)).ShouldBe(
            ["lo", "pw1", "w1", "px1", "x1", "other"], ignoreOrder: true, "w2 and w3 are among the others for good");
    }

    [RequiresRootFact("ping")]
    public void The_rest_has_what_its_devices_counted_and_never_falls()
    {
        using var pair = new TestNetnsPair();
        KernelProbeRun.WaitForCarrier(pair.Left);
        using var run = KernelProbeRun.Limited(new() { Rows = 1 }, "netdev", EveryDevice);
        pair.Left.Run("ping", "-c", "3", "-i", "0.2", TestNetnsPair.RightIPv4);
        KernelProbeRun.Eventually(() => Rest(run, pair.Left) == Sent(pair.Left));
        var counted = Rest(run, pair.Left);
        counted.ShouldBeGreaterThan(0);
        pair.Left.Ip($"link del {TestNetnsPair.Interface}");
        Rest(run, pair.Left).ShouldBeGreaterThanOrEqualTo(counted);
    }

    [RequiresRootFact("tc")]
    public void Qdiscs_beyond_the_limit_are_one_row_with_what_they_sent()
    {
        using var pair = new TestNetnsPair();
        for (var i = 0; i < 5; i++)
            pair.Left.Ip($"link add p{i} type veth peer name q{i}", $"link set p{i} up");
        string[] devices = [TestNetnsPair.Interface, "p0", "p1", "p2", "p3", "p4"];
        foreach (var device in devices)
            pair.Left.Run("tc", "qdisc", "add", "dev", device, "root", "pfifo");
        using var run = KernelProbeRun.Limited(new() { Rows = 0 }, "qdisc");
        pair.Left.Run("ping", "-c", "2", "-i", "0.2", TestNetnsPair.RightIPv4);
        KernelProbeRun.Eventually(() =>
        {
            var row = run.Rows("qdisc", pair.Left.Inode).ShouldHaveSingleItem();
            row.Tags.Select(t => t.Text).ShouldAllBe(t => t == "other");
            return row["netlens.qdisc.packet.count"] == SentByQdiscs(pair.Left);
        });
        SentByQdiscs(pair.Left).ShouldBeGreaterThanOrEqualTo(2);
        run.Host.Limits.Qdiscs.LeftOut.ShouldBeGreaterThanOrEqualTo(devices.Length);
    }

    [RequiresRootFact("setpriv", "unshare")]
    public void Listeners_of_a_user_share_the_rows_of_all_users()
    {
        using var user = AnyUser.InNamespace();
        var sockets = user.Inside(() => Enumerable.Range(7100, 8).Select(Listening).ToArray());
        using var run = KernelProbeRun.Limited(new() { Rows = 3 }, "tcpsummary");
        var rows = run.Rows("tcpsummary.listen", user.Inode);
        rows.Count.ShouldBe(4);
        rows.Single(r => r.Tags[0].Text == "other")["netlens.tcp.listen.socket.count"].ShouldBe(5);
        // The node itself may have more than three.
        run.Host.Limits.Listeners.LeftOut.ShouldBeGreaterThanOrEqualTo(5);
        foreach (var socket in sockets)
            socket.Dispose();
    }

    private static Socket Listening(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen(1);
        return socket;
    }

    private static List<string?> Names(List<ReadRow> rows) => [.. rows.Select(r => r.Tags[0].Text)];

    private static long Rest(KernelProbeRun run, TestNetns ns) =>
        run.Row("netdev", ns, "other")["system.network.packet.count/transmit"];

    private static long SentByQdiscs(TestNetns ns) =>
        Regex.Matches(
                ns.Run("tc", "-s", "qdisc", "show"), "Sent [0-9]+ bytes (?<packets>[0-9]+) pkt",
                RegexOptions.NonBacktracking)
            .Sum(m => long.Parse(m.Groups["packets"].Value));

    private static long Sent(TestNetns ns) =>
        long.Parse(ns.Run("cat", $"/sys/class/net/{TestNetnsPair.Interface}/statistics/tx_packets").Trim());
}
