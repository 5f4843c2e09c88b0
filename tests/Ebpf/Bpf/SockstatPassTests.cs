using System.Net;
using System.Net.Sockets;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

/// <summary>Sockets in use, TIME_WAIT and fragments of all namespaces in one pass are those of /proc.</summary>
public sealed class SockstatPassTests
{
    private const int Namespaces = 12;

    private readonly List<Socket> _opened = [];

    [RequiresBpfFact]
    public void Under_traffic_each_figure_is_between_what_proc_says_before_and_after()
    {
        using var lab = new MibLab(Namespaces);
        lab.ReadSockets().ShouldAllBe(u => u != null, lab.PartOf("sockstat").ToString());
        using var stop = new CancellationTokenSource();
        var traffic = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
                MibLab.Talk(lab.Namespaces[i % Namespaces], 1, 2);
        });
        // A level may have been anywhere between two looks.
        for (var i = 0; i < Namespaces; i++)
            BpfProbeRun.Eventually(() => Difference(lab, i).ShouldBeNull());
        stop.Cancel();
        traffic.Wait();
        for (var i = 0; i < Namespaces; i++)
            BpfProbeRun.Eventually(() => Difference(lab, i).ShouldBeNull());
        lab.PartOf("sockstat").Fallbacks.ShouldBe(0, lab.PartOf("sockstat").LastFallback);
    }

    private static string? Difference(MibLab lab, int index)
    {
        using var before = new Files(lab.Handles[index]);
        var pass = lab.ReadSockets()[index].ShouldNotBeNull();
        using var after = new Files(lab.Handles[index]);
        return SockstatPart.Compare("sockstat", before.IPv4.Figures, pass.IPv4, after.IPv4.Figures)
            ?? SockstatPart.Compare("sockstat6", before.IPv6.Figures, pass.IPv6, after.IPv6.Figures);
    }

    [RequiresBpfFact("ss")]
    public void Sockets_of_each_protocol_and_family_are_those_of_ss()
    {
        using var lab = new MibLab(2);
        var ns = lab.Namespaces[0];
        MibLab.Talk(ns, 0, 3);
        ns.Inside(OpenSome);
        // A busy kernel leaves what loopback receives to ksoftirqd, or drops it: the same fragment again is none more.
        BpfProbeRun.Eventually(() =>
        {
            ns.Inside(SendFragments);
            var frags = lab.ReadSockets()[0]!;
            var inUse = (frags.IPv4[SockstatField.FragInuse], frags.IPv6[SockstatField.FragInuse]);
            inUse.ShouldBe((1, 1), inUse == (1, 1) ? null : ns.Run("nstat", "-asz", "Ip*Reasm*", "Ip*In*", "Ip6Out*"));
        });
        var use = lab.ReadSockets()[0].ShouldNotBeNull(lab.PartOf("sockstat").ToString());
        var (ipv4, ipv6) = (use.IPv4, use.IPv6);
        (ipv4[SockstatField.TcpInuse], ipv6[SockstatField.TcpInuse]).ShouldBe((3, 1));
        (ipv4[SockstatField.UdpInuse], ipv6[SockstatField.UdpInuse]).ShouldBe((2, 1));
        (ipv4[SockstatField.RawInuse], ipv6[SockstatField.RawInuse]).ShouldBe((1, 1));
        (ipv4[SockstatField.FragInuse], ipv6[SockstatField.FragInuse]).ShouldBe((1, 1));
        ipv4[SockstatField.FragMemory].ShouldBeGreaterThan(0);
        ipv6[SockstatField.FragMemory].ShouldBeGreaterThan(0);
        ipv4[SockstatField.TcpTw].ShouldBeGreaterThan(0);
        ShouldBeAsSsSays(use, ns.Run("ss", "-s"));
        Difference(lab, 0).ShouldBeNull();
        // And nothing of it is its neighbour's.
        lab.ReadSockets()[1]!.IPv4[SockstatField.TcpInuse].ShouldBe(0);
        lab.ReadSockets()[1]!.IPv4[SockstatField.SocketsUsed].ShouldBe(0);
        _opened.ForEach(s => s.Dispose());
    }

    // "Transport Total IP IPv6", then a line per protocol; UDP-Lite has none.
    private static void ShouldBeAsSsSays(SocketUse use, string text)
    {
        var seen = 0;
        foreach (var line in text.Split('\n')
            .Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)))
        {
            if (line is not [("TCP" or "UDP" or "RAW" or "FRAG") and var protocol, _, var ipv4, var ipv6])
                continue;
            var field = Enum.Parse<SockstatField>($"{protocol}Inuse", ignoreCase: true);
            use.IPv4[field].ShouldBe(long.Parse(ipv4), protocol);
            use.IPv6[field].ShouldBe(long.Parse(ipv6), protocol);
            seen++;
        }
        seen.ShouldBe(4);
    }

    private void OpenSome()
    {
        for (var i = 0; i < 3; i++)
            Open(IPAddress.Loopback, SocketType.Stream, ProtocolType.Tcp).Listen();
        Open(IPAddress.IPv6Loopback, SocketType.Stream, ProtocolType.Tcp).Listen();
        Open(IPAddress.Loopback, SocketType.Dgram, ProtocolType.Udp);
        Open(IPAddress.Loopback, SocketType.Dgram, ProtocolType.Udp);
        Open(IPAddress.IPv6Loopback, SocketType.Dgram, ProtocolType.Udp);
        Open(IPAddress.Loopback, SocketType.Raw, (ProtocolType)255);
        Open(IPAddress.IPv6Loopback, SocketType.Raw, (ProtocolType)44);
    }

    private void SendFragments()
    {
        // The first of two: version and length, an identity, "more follow", a protocol, an address.
        byte[] packet =
            [0x45, 0, 0, 28, 0, 7, 0x20, 0, 64, 17, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1, 0, 1, 0, 2, 0, 16, 0, 0];
        _opened[^2].SendTo(packet, new IPEndPoint(IPAddress.Loopback, 0));
        // The same behind IPv6's header, which the kernel makes.
        byte[] fragment = [17, 0, 0, 1, 0, 0, 0, 7, 0, 1, 0, 2, 0, 16, 0, 0];
        _opened[^1].SendTo(fragment, new IPEndPoint(IPAddress.IPv6Loopback, 0));
    }

    private Socket Open(IPAddress address, SocketType type, ProtocolType protocol)
    {
        var socket = new Socket(address.AddressFamily, type, protocol);
        _opened.Add(socket);
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    [RequiresBpfFact]
    public void The_probe_has_no_file_per_namespace_and_allocates_nothing()
    {
        var others = Enumerable.Range(0, 3).Select(_ => new TestNetns()).ToList();
        var before = SockstatFiles();
        using var run = new BpfProbeRun("sock", null, ("include", "all"));
        run.Allocated(50).ShouldBe(0);
        var part = run.PartOf("sockstat");
        part.FromKernel.ShouldBeTrue(part.Reason);
        (SockstatFiles() - before).ShouldBe(2);
        others.ForEach(n => n.Dispose());
    }

    private static int SockstatFiles() => Directory.GetFiles("/proc/self/fd")
        .Select(f => new FileInfo(f).LinkTarget ?? "")
        .Count(l => l.Contains("/net/sockstat", StringComparison.Ordinal));

    [RequiresBpfFact]
    public void A_pass_that_fails_is_told_and_the_collection_is_read_by_proc()
    {
        using var lab = new MibLab(1);
        lab.ReadSockets()[0].ShouldNotBeNull();
        var address = lab.Handles[0].NetAddress;
        lab.Handles[0].NetAddress = 64;
        lab.ReadSockets()[0].ShouldBeNull();
        lab.PartOf("sockstat").Fallbacks.ShouldBe(1);
        lab.PartOf("sockstat").LastFallback.ShouldContain("could not be read");
        lab.Handles[0].NetAddress = address;
        lab.ReadSockets()[0].ShouldNotBeNull();
    }

    [Fact]
    public void A_figure_of_another_protocol_is_noticed_and_named()
    {
        var (file, pass) = (new SockstatFigures(), new SockstatFigures());
        file[SockstatField.UdpInuse] = pass[SockstatField.RawInuse] = 3;
        SockstatPart.Compare("sockstat", file, pass, file)
            .ShouldBe("sockstat UdpInuse is 0 in the kernel's structures, in /proc 3 before and 3 after");
    }

    /// <summary>What /proc says now.</summary>
    private sealed class Files : IDisposable
    {
        public Files(NamespaceHandle ns)
        {
            IPv4.EnsureRead(ns, 1).ShouldBeTrue();
            IPv6.EnsureRead(ns, 1).ShouldBeTrue();
        }

        public SockstatFile IPv4 { get; } = new();

        public Sockstat6File IPv6 { get; } = new();

        public void Dispose()
        {
            IPv4.Dispose();
            IPv6.Dispose();
        }
    }
}
