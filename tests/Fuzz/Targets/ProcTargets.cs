using System.Text;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Processes;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Probes;

namespace Fuzz.Tests.Targets;

/// <summary>Texts of /proc. The first byte of an input says which file it is.</summary>
internal static class ProcTargets
{
    // By probe, and whether it has an argument for all counters.
    private static readonly (string Probe, string File, bool All)[] Files =
    [
        ("tcp", "proc/net/snmp", true), ("udp", "proc/net/snmp", true), ("udp", "proc/net/snmp6", true),
        ("icmp", "proc/net/snmp", true), ("ip", "proc/net/snmp6", true), ("tcpext", "proc/net/netstat", true),
        ("ipext", "proc/net/netstat", true), ("sock", "proc/net/sockstat", false),
        ("sock", "proc/net/sockstat6", false), ("softnet", "proc/net/softnet_stat", false),
        ("ipvs", "proc/net/ip_vs_stats", false), ("slab", "proc/slabinfo", false),
        ("neighbour", "proc/net/stat/arp_cache", true), ("xfrm", "proc/net/xfrm_stat", true),
    ];

    private static readonly Action<byte[]>[] Readers =
    [
        static text => { _ = CgroupPath.ParseFile(text).PodUidText; CgroupPath.UnitOf(text); },
        static text => _ = ProcessStat.TryParse(text, out _),
        static text => _ = SoftnetStat.TryParse(text, out _),
        static text => _ = MibLayout.Of(text)?.Counters.Count,
        static text => _ = IoCounters.TryParse(text, out _),
        static text => _ = DescriptorReader.TryParseLimit(text, out _),
        static text => NsLink.Parse(text),
        static text => MountWatcher.Parse(text, [], []),
        static text => DecimalReader.TryReadAll(text, new long[20], out _),
        static text => CounterName.ToSnake(Encoding.Latin1.GetString(text)),
        static text => _ = CpuBandwidth.TryParse(text, out _),
        static text => _ = new PortSet().TryParse(text),
    ];

    private static readonly string[] Samples =
    [
        "0::/kubepods.slice/kubepods-pod1b3a6a5c_0b4e_4b8c_8a9d_0a1b2c3d4e5f.slice/cri-containerd-0123abcd.scope\n",
        "4711 (a ) b) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 100 18446744073709551615 1 1\n",
        "00068d75 0000399f 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
            + "00000001",
        "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens",
        "rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nsyscw: 632675\nread_bytes: 0\nwrite_bytes: 323932160\n",
        "Limit                     Soft Limit           Hard Limit           Units\n"
            + "Max open files            1024                 4096                 files\n",
        "net:[4026531840]",
        "36 25 0:4 net:[4026532281] /run/netns/bl\\040ue rw shared:21 - nsfs nsfs rw\n",
        "1 200 18446744073709551615 -1 9223372036854775807 0",
        "TCPAbortOnData",
        "nr_periods 12\nnr_throttled 3\nthrottled_usec 45678\nnr_bursts 0\nburst_usec 0\n",
        "8080,9148-9150,65535",
    ];

    private static readonly string[] Words =
    [
        "18446744073709551616", "-1", "9223372036854775808", " ", "\n", ":", "\0", "\\040", "net:[", "]", "Tcp: ", "\t",
        "(",
    ];

    public static FuzzTarget Parsers { get; } = FuzzTarget.Of("proc",
        static () => [.. Samples.Select((s, i) => (byte[])[(byte)i, .. Encoding.UTF8.GetBytes(s)])], static input =>
        {
            if (input.Length > 0)
                Readers[input[0] % Readers.Length](input[1..]);
        }, Words);

    public static FuzzTarget Probes { get; } = new("probes", Recorded, Open)
    {
        Words = [.. Words.Select(Encoding.UTF8.GetBytes)],
    };

    private static IReadOnlyList<byte[]> Recorded() =>
    [
        .. Files.SelectMany((f, i) => new[] { "4.19", "5.15", "7.2" }
            .Select(kernel => Path.Combine(FileProbeRun.Fixtures, kernel, f.File)).Where(File.Exists)
            .Select(file => (byte[])[(byte)i, .. File.ReadAllBytes(file)])),
    ];

    private static Action<byte[]> Open()
    {
        var runs = Files.Select(f =>
        {
            var tree = new TestTree("5.15");
            return (Tree: tree, Run: new FileProbeRun(f.Probe, tree.Paths, f.All ? [("include", "all")] : []));
        }).ToArray();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Array.ForEach(runs, r => r.Tree.Dispose());
        return input =>
        {
            if (input.Length == 0)
                return;
            var which = input[0] % Files.Length;
            runs[which].Tree.Write(Files[which].File, input[1..]);
            runs[which].Run.Collect();
        };
    }
}
