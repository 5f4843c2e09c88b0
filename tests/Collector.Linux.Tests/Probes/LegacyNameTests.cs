using Collector.Core.Metrics;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Tests.Probes;

/// <summary>Every name that KubeSkoop and ACK Net Exporter give the figures of these probes.</summary>
public sealed class LegacyNameTests
{
    private const string TcpExt =
        "listendrops listenoverflows tcpsynretrans tcpfastretrans tcpretransfail tcptimeouts tcpabortonclose "
        + "tcpabortonmemory tcpabortontimeout tcpabortonlinger tcpabortondata tcpabortfailed tcpackskippedsynrecv "
        + "tcpackskippedpaws tcpackskippedseq tcpackskippedfinwait2 tcpackskippedtimewait tcpackskippedchallenge "
        + "tcprcvqdrop tcpmemorypressures tcpmemorypressureschrono pawsactive pawsestab embryonicrsts tcpwinprobe "
        + "tcpkeepalive tcpmtupfail tcpmtupsuccess tcpzerowindowdrop tcpbacklogdrop pfmemallocdrop tcpwqueuetoobig";

    private const string Ip =
        "forwarding defaultttl inreceives inhdrerrors inaddrerrors forwdatagrams inunknownprotos indiscards indelivers "
        + "outrequests outdiscards outnoroutes reasmtimeout reasmreqds reasmoks reasmfails fragoks "
        + "fragfails fragcreates";

    public static TheoryData<string, string, bool> Probes() => new()
    {
        { "tcpext", TcpExt, true },
        {
            "tcp",
            "activeopens passiveopens retranssegs attemptfails estabresets currestab insegs outsegs inerrs outrsts",
            true
        },
        {
            "udp",
            "indatagrams noports inerrors outdatagrams rcvbuferrors sndbuferrors incsumerrors ignoredmulti", true
        },
        { "ip", Ip, false },
        { "sock", "inuse orphan tw alloc mem", true },
        { "softnet", "processed dropped", true },
        { "ipvs", "connections incomingpackets outgoingpackets incomingbytes outgoingbytes", true },
    };

    [Theory]
    [MemberData(nameof(Probes))]
    public void Names_are_exactly_those_of_the_old_exporters(string probe, string names, bool inspector)
    {
        var metrics = AllProbes.List.Single(p => p.Info.Id == probe).Info.AllMetrics.ToList();
        var list = names.Split(' ');
        metrics.Where(m => m.KubeSkoop.Count > 0).Select(m => m.KubeSkoop[0]).Order()
            .ShouldBe(list.Select(n => $"kubeskoop_{probe}_{n}").Order());
        foreach (var name in list)
        {
            metrics.Count(m => m.Inspector.Count > 0 && m.Inspector[0] == $"inspector_pod_{probe}{name}")
                .ShouldBe(inspector ? 1 : 0, name);
        }
    }

    [Fact]
    public void Names_that_only_the_documentation_has_are_aliases()
    {
        var all = AllProbes.List.SelectMany(p => p.Info.AllMetrics).ToList();
        string[] aliases =
        [
            "kubeskoop_tcpext_listenoverflow", "kubeskoop_pod_udpnoports", "kubeskoop_pod_udpinerrors",
            "kubeskoop_pod_udpoutdatagrams", "kubeskoop_pod_udprcvbuferrors", "kubeskoop_pod_udpsndbuferrors",
            "kubeskoop_pod_udpincsumerrors", "inspector_pod_tcpextpawsestabrejected",
        ];
        foreach (var alias in aliases)
            all.Count(m => m.KubeSkoop.Skip(1).Concat(m.Inspector.Skip(1)).Contains(alias)).ShouldBe(1, alias);
        all.Count(m => m.Inspector.Contains("inspector_pod_softnettimesqueeze")).ShouldBe(1);
        foreach (var name in new[] { "objperslab", "pagesperslab", "objactive", "objnum", "objsize" })
            all.Count(m => m.Inspector.Contains($"inspector_pod_slabtcpslab{name}")).ShouldBe(1, name);
    }

    [Fact]
    public void W_M8_what_only_grows_is_a_counter_and_what_goes_down_is_not()
    {
        string[] notCounters =
        [
            "kubeskoop_tcp_currestab", "kubeskoop_ip_forwarding", "kubeskoop_ip_defaultttl", "kubeskoop_sock_inuse",
            "kubeskoop_sock_orphan", "kubeskoop_sock_tw", "kubeskoop_sock_alloc", "kubeskoop_sock_mem",
            "kubeskoop_rdma_cm_id", "kubeskoop_rdma_cq", "kubeskoop_rdma_ctx", "kubeskoop_rdma_mr", "kubeskoop_rdma_pd",
            "kubeskoop_rdma_qp", "kubeskoop_rdma_srq",
        ];
        string[] mine = ["tcp", "tcpext", "udp", "ip", "ipext", "icmp", "sock", "softnet", "ipvs", "rdma"];
        foreach (var metric in AllProbes.List.Where(p => mine.Contains(p.Info.Id)).SelectMany(p => p.Info.AllMetrics))
        {
            if (metric.KubeSkoop.Count > 0)
                (metric.Kind == InstrumentKind.Counter)
                    .ShouldBe(!notCounters.Contains(metric.KubeSkoop[0]), metric.ToString());
            metric.Unit.ShouldNotBeEmpty();
            metric.Description.ShouldEndWith(".");
        }
    }

    [Fact]
    public void A_legacy_name_is_of_one_metric()
    {
        var all = AllProbes.List.SelectMany(p => p.Info.AllMetrics).SelectMany(m => m.KubeSkoop.Concat(m.Inspector))
            .ToList();
        all.Distinct().Count().ShouldBe(all.Count);
    }
}
