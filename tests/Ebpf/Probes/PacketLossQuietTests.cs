using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Healthy traffic is no loss: the lists of benign reasons and functions hold on this kernel.</summary>
public sealed class PacketLossQuietTests
{
    [RequiresBpfFact("ping", "nft", "ss")]
    public void Healthy_traffic_yields_nothing()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");

        DropTraffic.Healthy(pair);
        Thread.Sleep(500);

        DropTraffic.Rows(run, pair.Left, pair.Right).ShouldBeEmpty();
        run.Events.All.Where(e => IsOf(e.Subject?.Inode, pair)).Select(e => e.Message).ShouldBeEmpty();
    }

    /// <summary>A driver that has a buffer ready for its next packet frees it when the device goes.</summary>
    [RequiresTunFact("python3", "ip")]
    public void An_empty_buffer_is_no_packet()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        ns.Run("python3", "-S", "-c", TwoSegments);
        // Nobody listens: the two that were joined arrive, and the buffer of the second stays empty.
        run.Events.Await(e => e.Subject?.Inode == ns.Inode && e.Tuple?.DestinationPort == 2000);
        Thread.Sleep(500);
        run.Events.All.Where(e => e.Subject?.Inode == ns.Inode && e.Fields[2] == 0).Select(e => e.Message)
            .ShouldBeEmpty();
    }

    // A tap device whose driver fills fragments of a buffer (IFF_NAPI_FRAGS), and GRO that waits for more.
    private const string TwoSegments = """
        import fcntl, os, struct
        tap = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'frag0', 0x2 | 0x10 | 0x20 | 0x1000))
        os.system('ip link set frag0 up; ip addr add 198.51.100.1/24 dev frag0')
        open('/sys/class/net/frag0/gro_flush_timeout', 'w').write('2000000000')
        mac = bytes.fromhex(open('/sys/class/net/frag0/address').read().strip().replace(':', ''))
        ends = bytes([198, 51, 100, 2, 198, 51, 100, 1])
        def sum16(b):
            s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
            return ~(s + (s >> 16)) & 0xffff
        for i in range(2):
            tcp = struct.pack('!HHIIBBH', 1000, 2000, 1 + 1000 * i, 1, 5 << 4, 16, 8192)
            tcp += struct.pack('!HH', sum16(ends + struct.pack('!HH', 6, 1020) + tcp + bytes(4)), 0)
            ip = struct.pack('!BBHHHBB', 0x45, 0, 1040, 1, 0x4000, 64, 6)
            ip += struct.pack('!H', sum16(ip + ends)) + ends
            os.writev(tap, [mac + b'\x02\0\0\0\0\1\x08\0' + ip + tcp, bytes(1000)])
        os.close(tap)
        """;

    [RequiresBpfFact]
    public void Totals_are_there_before_the_first_drop()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        var table = run.Collect().Tables.Single(t => t.Info.Id == "packetloss.ip");
        var row = Array.FindIndex(table.Rows.ToArray(), r => r.Subject!.Inode == ns.Inode);
        foreach (var metric in table.Info.Metrics)
            table.Column(metric)[row].ShouldBe(0);
    }

    private static bool IsOf(ulong? inode, TestNetnsPair pair) => inode == pair.Left.Inode || inode == pair.Right.Inode;
}

/// <summary>A test that makes a tap device; skipped where there is no /dev/net/tun.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresTunFactAttribute : FactAttribute
{
    public RequiresTunFactAttribute(params string[] tools) =>
        Skip = BpfSupport.WhyNot(tools) ?? (File.Exists("/dev/net/tun") ? null : "there is no /dev/net/tun");
}
