using System.Net;
using System.Net.Sockets;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>Namespaces of a test's own, their traffic, and an agent that reads them by the pass.</summary>
internal sealed class MibLab : IDisposable
{
    private static readonly IPAddress[] Loopback = [IPAddress.Loopback, IPAddress.IPv6Loopback];
    private readonly List<TestNetns> _namespaces = [];
    private long _tick;

    public MibLab(int namespaces)
    {
        Host = new LinuxHost(new KernelPaths(), new BpfOptions
        {
            BtfFolder = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "",
        });
        Parallel.For(0, namespaces, _ =>
        {
            var made = new TestNetns();
            lock (_namespaces)
                _namespaces.Add(made);
        });
        Host.Refresh(0);
        Handles = [.. _namespaces.Select(n => Host.Namespaces.Find(n.Inode)!)];
    }

    public LinuxHost Host { get; }

    public CollectedPart Part => PartOf("mib");

    public CollectedPart PartOf(string name) => Host.Parts.All.Single(p => p.Name == name);

    public IReadOnlyList<TestNetns> Namespaces => _namespaces;

    public IReadOnlyList<NamespaceHandle> Handles { get; }

    /// <summary>A collection's figures of each of them; null for what is to be read by /proc.</summary>
    public MibFigures?[] Read()
    {
        _tick++;
        return [.. Handles.Select(h => Host.Mib.Read(h, _tick, MibWish.All))];
    }

    /// <summary>The same of what sockstat has.</summary>
    public SocketUse?[] ReadSockets()
    {
        _tick++;
        return [.. Handles.Select(h => Host.Mib.ReadSockets(h, _tick))];
    }

    /// <summary>Datagrams to a closed port, and connections that end, over both families.</summary>
    public static void Talk(TestNetns ns, int datagrams, int connections) => ns.Inside(() =>
    {
        foreach (var address in Loopback)
        {
            for (var i = 0; i < datagrams; i++)
                Send(address);
            using var listener = new TcpListener(address, 0);
            listener.Start();
            for (var i = 0; i < connections; i++)
            {
                using var client = new TcpClient(address.AddressFamily);
                client.Connect((IPEndPoint)listener.LocalEndpoint);
                using var server = listener.AcceptSocket();
                client.Client.Send(new byte[100]);
                server.Receive(new byte[100]);
            }
        }
    });

    /// <summary>One datagram that nobody takes.</summary>
    public static void Send(IPAddress address)
    {
        // A socket of its own: the answer to the first makes the second fail.
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo(new byte[10], new IPEndPoint(address, 9));
    }

    /// <summary>Waits until /proc says the same twice and the pass in between, too; what the pass found.</summary>
    public MibFigures WhenStill(int index)
    {
        string? difference = "never still";
        for (var i = 0; i < 100 && difference is not null; i++)
        {
            var before = MibFiles.Read(Handles[index]);
            var figures = Read()[index].ShouldNotBeNull(Part.ToString());
            var after = MibFiles.Read(Handles[index]);
            if (IsSame(before, after))
                difference = MibCheck.Compare(Host.Mib.Sections, before, figures, after);
            if (difference is null)
                return figures;
            Thread.Sleep(50);
        }
        throw new ShouldAssertException(difference);
    }

    private bool IsSame(MibFiles before, MibFiles after) => Host.Mib.Sections.All(s =>
        (before.Find(s.Layout.Section), after.Find(s.Layout.Section)) is ({ } first, { } last)
        && first.Values.SequenceEqual(last.Values));

    public void Dispose()
    {
        Host.Dispose();
        Parallel.ForEach(_namespaces, n => n.Dispose());
    }
}
