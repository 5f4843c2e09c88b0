using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Kernel.Netlink;

/// <summary>What the real kernel tells of by itself, and what is kept out of the socket.</summary>
public sealed class NetlinkNewsTests
{
    [RequiresRootFact("tc")]
    public void Thousands_of_filters_that_change_hide_no_device_that_comes_meanwhile()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        ns.Run("tc", "qdisc", "add", "dev", "veth0", "clsact");
        using var socket = ns.Inside(() => NetlinkSocket.Open(NetlinkFamily.Route));
        var news = new Heard();
        socket.Join(news, [Rtnl.RTNLGRP_LINK, Rtnl.RTNLGRP_TC]).ShouldBeTrue();
        AskForDevices(socket);

        AddFilters(ns, priority: 1);
        ns.Ip("link add early type veth peer name other");
        AddFilters(ns, priority: 2);
        ns.Run("tc", "qdisc", "del", "dev", "veth0", "clsact");
        socket.TakeNews(new byte[32 * 1024]);

        ns.Run("ip", "-j", "link").ShouldContain("early");
        news.Missed.ShouldBe(0);
        news.Devices.ShouldContain("early");
        news.Types.ShouldContain(Rtnl.RTM_DELQDISC);
        news.Types.ShouldAllBe(t => t < Rtnl.RTM_NEWTCLASS);
    }

    // The kernel tells nothing to a socket that has not asked for anything yet.
    private static void AskForDevices(NetlinkSocket socket)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<ifinfomsg>()];
        request.Clear();
        MemoryMarshal.Write(request, new nlmsghdr
        {
            nlmsg_type = Rtnl.RTM_GETLINK, nlmsg_flags = Rtnl.NLM_F_REQUEST | Rtnl.NLM_F_DUMP,
        });
        var answer = socket.Request(request, new byte[32 * 1024]);
        var devices = 0;
        while (answer.MoveNext(out _))
            devices++;
        (answer.Status, devices).ShouldBe((NetlinkStatus.Done, 2));
    }

    // A table of u32 has room for 4,095.
    private static void AddFilters(TestNetns ns, int priority)
    {
        var batch = new StringBuilder();
        for (var i = 0; i < 2500; i++)
            batch.Append($"filter add dev veth0 ingress prio {priority} protocol ip u32 match ip dst 192.0.2.9/32\n");
        Shell.Feed(batch.ToString(), "tc", "-n", ns.Name, "-batch", "-");
    }

    private sealed class Heard : INetlinkNews
    {
        public int Missed { get; private set; }

        public List<ushort> Types { get; } = [];

        public List<string> Devices { get; } = [];

        public void Hear(in NetlinkMessage message)
        {
            Types.Add(message.Type);
            if (LinkMessage.TryParse(message, out var link))
                Devices.Add(Encoding.UTF8.GetString(link.Name));
        }

        public void Miss() => Missed++;
    }
}
