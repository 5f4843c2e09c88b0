using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Next hops that are silent, and those that move; <c>ip neigh</c> tells the same.</summary>
public sealed class NextHopTests
{
    private const string Failed = "netlens.nexthop.failed";
    private const string Changed = "netlens.nexthop.changed";
    private const string Moved = "02:00:00:00:00:77";

    private static NetworkEvent Await(BpfProbeRun run, TestNetns ns, string name, string address)
    {
        var inode = ns.Inode;
        return run.Events.Await(e => e.Info.Name == name && e.Subject?.Inode == inode && e.Fields[0] == address);
    }

    [RequiresBpfFact]
    public void Nobody_answers()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("nexthop");
        foreach (var (address, type) in new[] { ("192.0.2.99", "ipv4"), ("2001:db8::99", "ipv6") })
        {
            pair.Left.Inside(() => SendTo(IPAddress.Parse(address)));
            var failed = Await(run, pair.Left, Failed, address);
            failed.Fields.Take(2).ShouldBe([address, TestNetnsPair.Interface]);
            failed.Fields[3].ShouldBeNull();
            failed.Severity.ShouldBe(EventSeverity.Warn);
            failed.Process.ShouldBeNull();
            failed.Message.ShouldContain($"{address} does not answer {(type == "ipv4" ? "ARP" : "neighbour discovery")}");
            run.Sum(Failed, pair.Left, type).ShouldBe(1);
            pair.Left.Run("ip", "neigh", "show", address).ShouldContain("FAILED");
        }
        run.Sum(Changed, pair.Left).ShouldBe(0);
        run.Sum(Failed, pair.Right).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void An_address_moves_to_other_hardware()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("nexthop");
        // An entry may be replaced at once: else the kernel waits a second for a better answer.
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.locktime", "0");
        foreach (var (address, type) in new[] { (TestNetnsPair.RightIPv4, "ipv4"), (TestNetnsPair.RightIPv6, "ipv6") })
        {
            pair.Left.Run("ping", "-c1", "-W5", address);
            var before = Hardware(pair.Right);
            Address(pair.Left, address).ShouldBe(before);
            // The peer takes another one, and asks for us with it.
            pair.Right.Ip($"link set {TestNetnsPair.Interface} address {(type == "ipv4" ? Moved : Moved[..^1] + "8")}");
            pair.Right.Ip($"neigh flush dev {TestNetnsPair.Interface}");
            pair.Right.Run("ping", "-c1", "-W5", type == "ipv4" ? TestNetnsPair.LeftIPv4 : TestNetnsPair.LeftIPv6);

            var changed = Await(run, pair.Left, Changed, address);
            var after = Hardware(pair.Right);
            changed.Fields[3].ShouldBe(before);
            changed.Fields[4].ShouldBe(after);
            changed.Message.ShouldContain($"{address} is at {after} now, and was at {before} before");
            Address(pair.Left, address).ShouldBe(after);
            run.Sum(Changed, pair.Left, type).ShouldBe(1);
        }
        run.Sum(Failed, pair.Left).ShouldBe(0);
        run.Sum(Changed, pair.Right).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Neighbours_that_stay_yield_nothing()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("nexthop");
        pair.Left.Run("ping", "-c3", "-i0.2", "-W5", TestNetnsPair.RightIPv4);
        pair.Left.Run("ping", "-c3", "-i0.2", "-W5", TestNetnsPair.RightIPv6);
        pair.Right.Ip($"neigh flush dev {TestNetnsPair.Interface}");
        pair.Right.Run("ping", "-c1", "-W5", TestNetnsPair.LeftIPv4);
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            (run.Sum(Failed, ns) + run.Sum(Changed, ns)).ShouldBe(0);
            run.Events.All.ShouldNotContain(e => e.Subject != null && e.Subject.Inode == ns.Inode);
        }
    }

    [RequiresBpfFact]
    public void Collections_allocate_nothing()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("nexthop");
        pair.Left.Inside(() => SendTo(IPAddress.Parse("192.0.2.99")));
        Await(run, pair.Left, Failed, "192.0.2.99");
        run.Sum(Failed, pair.Left).ShouldBe(1);
        run.Allocated(50).ShouldBe(0);
    }

    private static void SendTo(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo("?"u8, new IPEndPoint(address, 9));
    }

    private static string Hardware(TestNetns ns) => After(
        ns.Run("ip", "-o", "link", "show", TestNetnsPair.Interface), "link/ether");

    private static string Address(TestNetns ns, string address) => After(ns.Run("ip", "neigh", "show", address), "lladdr");

    private static string After(string text, string word)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words[Array.IndexOf(words, word) + 1];
    }
}
