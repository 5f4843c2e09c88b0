using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Traffic that the kernel drops, and traffic that it does not.</summary>
internal static class DropTraffic
{
    /// <summary>
    /// Two namespaces whose link is fully up, with all their addresses: before, IPv6 drops neighbour discovery for want
    /// of a route, rightly counted but not what a test is about.
    /// </summary>
    public static TestNetnsPair Pair()
    {
        var pair = new TestNetnsPair();
        try
        {
            pair.Left.Run("ping", "-q", "-c", "1", "-i", "0.1", "-w", "10", TestNetnsPair.RightIPv6);
            pair.Right.Run("ping", "-q", "-c", "1", "-i", "0.1", "-w", "10", TestNetnsPair.LeftIPv6);
            foreach (var ns in new[] { pair.Left, pair.Right })
                BpfProbeRun.Eventually(() => Addresses(ns).Contains("fe80").ShouldBeTrue());
            return pair;
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    private static string Addresses(TestNetns ns) =>
        ns.Inside(static () => File.ReadAllText("/proc/thread-self/net/if_inet6"));

    /// <summary>Sends datagrams from a namespace; what comes back does not matter.</summary>
    /// <returns>The local port.</returns>
    public static int Datagrams(TestNetns from, string to, int port, int count = 1, int size = 16) => from.Inside(() =>
    {
        var target = new IPEndPoint(IPAddress.Parse(to), port);
        using var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var any = target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        socket.Bind(new IPEndPoint(any, 0));
        // Unconnected: ICMP errors are not reported to it.
        var address = target.Serialize();
        var payload = new byte[size];
        for (var i = 0; i < count; i++)
            socket.SendTo(payload, SocketFlags.None, address);
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    });

    /// <summary>Tries to connect; true when somebody accepts.</summary>
    public static bool Connect(TestNetns from, string to, int port) =>
        from.Inside(() => ConnectHere(IPAddress.Parse(to), port));

    /// <summary>The same from the namespace of the thread.</summary>
    public static bool ConnectHere(IPAddress to, int port)
    {
        var target = new IPEndPoint(to, port);
        using var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(target);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Sends an IPv4 datagram whose UDP checksum is wrong.</summary>
    public static void BadChecksum(TestNetns from, string source, string to, int sourcePort, int port)
    {
        var packet = new byte[20 + 8 + 4];
        packet[0] = 0x45;
        packet[8] = 64;
        packet[9] = 17;
        IPAddress.Parse(source).GetAddressBytes().CopyTo(packet, 12);
        IPAddress.Parse(to).GetAddressBytes().CopyTo(packet, 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), (ushort)port);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), 12);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(26), 0xdead);
        from.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
            socket.SendTo(packet, new IPEndPoint(IPAddress.Parse(to), 0));
        });
    }

    /// <summary>What a healthy machine does: connections, requests, answers, pings, local sockets, netlink.</summary>
    public static void Healthy(TestNetnsPair pair)
    {
        foreach (var address in new[] { TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6 })
        {
            Connections(pair.Left, pair.Right, address, 20);
            Connections(pair.Right, pair.Right, address, 5);
            Questions(pair.Left, pair.Right, address, 50);
            pair.Left.Run("ping", "-q", "-c", "3", "-i", "0.2", address);
        }
        pair.Left.Run("ip", "addr");
        pair.Left.Run("ss", "-tan");
        pair.Left.Run("nft", "list", "ruleset");
        LocalSockets(pair.Left);
    }

    /// <summary>
    /// Collects; every row of these namespaces as "inode reason family outcome: drops". Orderly ones are no loss: an
    /// acknowledgement that the end behind it has overtaken on another processor.
    /// </summary>
    public static string[] Rows(BpfProbeRun run, params TestNetns[] namespaces)
    {
        var inodes = namespaces.Select(n => (ulong?)n.Inode).ToArray();
        var snapshot = run.Collect();
        var rows = new List<string>();
        foreach (var table in snapshot.Tables.Where(t => t.Info.Id == "packetloss"))
        {
            for (var i = 0; i < table.Count; i++)
            {
                var row = table.Rows[i];
                if (inodes.Contains(row.Subject?.Inode) && row.Tags[2].Text is not "orderly")
                    rows.Add($"{row.Subject!.Inode} {string.Join(' ', row.Tags)}: {table.Column(0)[i]}");
            }
        }
        return [.. rows];
    }

    private static void Connections(TestNetns from, TestNetns to, string address, int count)
    {
        using var listener = to.Inside(() =>
        {
            var target = new IPEndPoint(IPAddress.Parse(address), 0);
            var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(target);
            socket.Listen(16);
            return socket;
        });
        for (var i = 0; i < count; i++)
        {
            using var client = from.Inside(() =>
            {
                var socket = new Socket(listener.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(listener.LocalEndPoint!);
                return socket;
            });
            using var server = listener.Accept();
            // Small answers and large ones; either end closes first.
            Transfer(client, server, i % 3 == 0 ? 300_000 : 100);
            Transfer(server, client, 1000);
            var (first, second) = i % 2 == 0 ? (client, server) : (server, client);
            first.Shutdown(SocketShutdown.Send);
            second.Receive(new byte[1]).ShouldBe(0);
            second.Close();
            first.Receive(new byte[1]).ShouldBe(0);
            first.Close();
        }
    }

    private static void Transfer(Socket from, Socket to, int bytes)
    {
        var sending = Task.Run(() => from.Send(new byte[bytes]));
        var buffer = new byte[65536];
        for (var left = bytes; left > 0;)
            left -= to.Receive(buffer);
        sending.Wait();
    }

    private static void Questions(TestNetns from, TestNetns to, string address, int count)
    {
        using var server = to.Inside(() =>
        {
            var target = new IPEndPoint(IPAddress.Parse(address), 0);
            var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(target);
            return socket;
        });
        using var client = from.Inside(() => new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        client.Connect(server.LocalEndPoint!);
        var buffer = new byte[100];
        for (var i = 0; i < count; i++)
        {
            client.Send(buffer.AsSpan(0, 60));
            EndPoint asker = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork
                ? IPAddress.Any : IPAddress.IPv6Any, 0);
            var length = server.ReceiveFrom(buffer, ref asker);
            server.SendTo(buffer.AsSpan(0, length), asker);
            client.Receive(buffer).ShouldBe(60);
        }
    }

    private static void LocalSockets(TestNetns ns)
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}");
        try
        {
            ns.Inside(() =>
            {
                using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                listener.Bind(new UnixDomainSocketEndPoint(path));
                listener.Listen(16);
                for (var i = 0; i < 10; i++)
                {
                    using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    client.Connect(new UnixDomainSocketEndPoint(path));
                    // Closed with unread bytes: the kernel frees their buffer as SOCKET_CLOSE or without a reason.
                    client.Send(new byte[100]);
                }
            });
        }
        finally
        {
            File.Delete(path);
        }
    }
}
