using System.Net;
using System.Net.Sockets;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Tcp;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Kernel.Netlink;

/// <summary>The one walk for both address families finds what the two walks of newer requests find.</summary>
public sealed class InetDiagTests
{
    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sockets_of_both_families_are_found_once_by_one_walk_and_by_two(bool perFamily)
    {
        using var ns = new TestNetns();
        using var listener = ns.Inside(() => TcpListener.Create(7030));
        ns.Inside(() => listener.Start());
        using var client4 = ns.Inside(() => new TcpClient("127.0.0.1", 7030));
        using var client6 = ns.Inside(() => new TcpClient("::1", 7030));
        using var host = new LinuxHost(new KernelPaths());
        host.Refresh(0);
        var handle = host.Namespaces.Find(ns.Inode)!;
        using var diag = new InetDiag(perFamily);
        var counts = new SocketCounts();

        diag.Ask(handle, InetDiag.AllButListen, memory: false, counts).ShouldBeTrue(diag.Failure);
        counts.InState(1).ShouldBe(4); // Both ends of both connections.
        counts.InState(SocketCounts.Listen).ShouldBe(0);
        diag.Ask(handle, InetDiag.Listen, memory: true, counts).ShouldBeTrue(diag.Failure);
        counts.InState(SocketCounts.Listen).ShouldBe(1);
        counts.InState(1).ShouldBe(0);
    }
}
