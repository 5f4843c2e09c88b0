using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Collector.Tests.Support;

/// <summary>Packets that IPsec drops between two namespaces, and what cat(1) shows of the kernel's counters.</summary>
internal static class IpsecFaults
{
    /// <summary>Not there in kernels without CONFIG_XFRM_STATISTICS.</summary>
    public const string StatFile = "/proc/net/xfrm_stat";

    /// <summary>The counters of a namespace, by the kernel's names and in its order.</summary>
    public static IReadOnlyList<(string Name, long Value)> Read(TestNetns ns) =>
    [
        .. ns.Run("cat", StatFile).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .Select(w => (w[0], long.Parse(w[1], CultureInfo.InvariantCulture))),
    ];

    /// <summary>
    /// Has policies of both ends drop datagrams, for which the kernel needs no ciphers, and waits until they are counted:
    /// left OutPolBlock and OutNoStates, right InTmplMismatch (3) and InPolBlock (2).
    /// </summary>
    public static void Cause(TestNetnsPair pair)
    {
        const string IPv4 = $"src {TestNetnsPair.LeftIPv4} dst {TestNetnsPair.RightIPv4}";
        const string IPv6 = $"src {TestNetnsPair.LeftIPv6} dst {TestNetnsPair.RightIPv6}";
        pair.Right.Ip($"xfrm policy add {IPv4} proto udp dport 1001 dir in tmpl {IPv4} proto esp mode transport",
            $"xfrm policy add {IPv6} proto udp dport 1002 dir in action block");
        pair.Left.Ip($"xfrm policy add {IPv6} proto udp dport 1003 dir out action block",
            $"xfrm policy add {IPv4} proto udp dport 1004 dir out tmpl {IPv4} proto esp mode transport");
        Send(pair.Left, TestNetnsPair.RightIPv4, 1001, 3);
        Send(pair.Left, TestNetnsPair.RightIPv6, 1002, 2);
        Send(pair.Left, TestNetnsPair.RightIPv6, 1003, 2);
        Send(pair.Left, TestNetnsPair.RightIPv4, 1004, 2);
        Await(pair.Right, ("XfrmInTmplMismatch", 3));
        Await(pair.Right, ("XfrmInPolBlock", 2));
    }

    /// <summary>Datagrams that nobody takes, each of a socket of its own.</summary>
    public static void Send(TestNetns from, string address, int port, int count) => from.Inside(() =>
    {
        var to = new IPEndPoint(IPAddress.Parse(address), port);
        for (var i = 0; i < count; i++)
        {
            using var socket = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.SendTo(new byte[10], to);
            }
            catch (SocketException)
            {
                // A policy of this end forbids it: the counters tell.
            }
        }
    });

    /// <summary>Waits until a counter has a value.</summary>
    public static void Await(TestNetns ns, (string Name, long Value) counter)
    {
        for (var i = 0; i < 600 && !Read(ns).Contains(counter); i++)
            Thread.Sleep(50);
        Read(ns).ShouldContain(counter);
    }
}
