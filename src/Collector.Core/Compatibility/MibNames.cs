namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of the kernel's MIBs.</summary>
internal static class MibNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InKubeSkoop("ip",
            ("netlens.ip.forwarding ipv4", "forwarding"),
            ("netlens.ip.default_ttl ipv4", "defaultttl"),
            ("netlens.ip.in_receives ipv4", "inreceives"),
            ("netlens.ip.in_hdr_errors ipv4", "inhdrerrors"),
            ("netlens.ip.in_addr_errors ipv4", "inaddrerrors"),
            ("netlens.ip.forwarded ipv4", "forwdatagrams"),
            ("netlens.ip.in_unknown_protos ipv4", "inunknownprotos"),
            ("netlens.ip.in_discards ipv4", "indiscards"),
            ("netlens.ip.in_delivers ipv4", "indelivers"),
            ("netlens.ip.out_requests ipv4", "outrequests"),
            ("netlens.ip.out_discards ipv4", "outdiscards"),
            ("netlens.ip.out_no_routes ipv4", "outnoroutes"),
            ("netlens.ip.reasm_timeout ipv4", "reasmtimeout"),
            ("netlens.ip.reasm_reqds ipv4", "reasmreqds"),
            ("netlens.ip.reasm_oks ipv4", "reasmoks"),
            ("netlens.ip.reasm_fails ipv4", "reasmfails"),
            ("netlens.ip.frag_oks ipv4", "fragoks"),
            ("netlens.ip.frag_fails ipv4", "fragfails"),
            ("netlens.ip.frag_creates ipv4", "fragcreates")),
        .. LegacyName.InBoth("tcp",
            ("netlens.tcp.active_opens", "activeopens"),
            ("netlens.tcp.passive_opens", "passiveopens"),
            ("netlens.tcp.attempt_fails", "attemptfails"),
            ("netlens.tcp.estab_resets", "estabresets"),
            ("netlens.tcp.established", "currestab"),
            ("netlens.tcp.segments receive", "insegs"),
            ("netlens.tcp.segments transmit", "outsegs"),
            ("netlens.tcp.retrans_segs", "retranssegs"),
            ("netlens.tcp.in_errs", "inerrs"),
            ("netlens.tcp.out_rsts", "outrsts")),
        .. LegacyName.InBoth("tcpext",
            ("netlens.tcpext.listen_drops", "listendrops"),
            ("netlens.tcpext.syn_retrans", "tcpsynretrans"),
            ("netlens.tcpext.fast_retrans", "tcpfastretrans"),
            ("netlens.tcpext.retrans_fail", "tcpretransfail"),
            ("netlens.tcpext.timeouts", "tcptimeouts"),
            ("netlens.tcpext.abort_on_close", "tcpabortonclose"),
            ("netlens.tcpext.abort_on_memory", "tcpabortonmemory"),
            ("netlens.tcpext.abort_on_timeout", "tcpabortontimeout"),
            ("netlens.tcpext.abort_on_linger", "tcpabortonlinger"),
            ("netlens.tcpext.abort_on_data", "tcpabortondata"),
            ("netlens.tcpext.abort_failed", "tcpabortfailed"),
            ("netlens.tcpext.ack_skipped_syn_recv", "tcpackskippedsynrecv"),
            ("netlens.tcpext.ack_skipped_paws", "tcpackskippedpaws"),
            ("netlens.tcpext.ack_skipped_seq", "tcpackskippedseq"),
            ("netlens.tcpext.ack_skipped_fin_wait2", "tcpackskippedfinwait2"),
            ("netlens.tcpext.ack_skipped_time_wait", "tcpackskippedtimewait"),
            ("netlens.tcpext.ack_skipped_challenge", "tcpackskippedchallenge"),
            ("netlens.tcpext.rcv_q_drop", "tcprcvqdrop"),
            ("netlens.tcpext.memory_pressures", "tcpmemorypressures"),
            ("netlens.tcpext.memory_pressure.duration", "tcpmemorypressureschrono"),
            ("netlens.tcpext.paws_active", "pawsactive"),
            ("netlens.tcpext.embryonic_rsts", "embryonicrsts"),
            ("netlens.tcpext.win_probe", "tcpwinprobe"),
            ("netlens.tcpext.keep_alive", "tcpkeepalive"),
            ("netlens.tcpext.mtup_fail", "tcpmtupfail"),
            ("netlens.tcpext.mtup_success", "tcpmtupsuccess"),
            ("netlens.tcpext.zero_window_drop", "tcpzerowindowdrop"),
            ("netlens.tcpext.backlog_drop", "tcpbacklogdrop"),
            ("netlens.tcpext.pf_memalloc_drop", "pfmemallocdrop"),
            ("netlens.tcpext.wqueue_too_big", "tcpwqueuetoobig")),
        new("netlens.tcpext.listen_overflows")
        {
            KubeSkoop = ["kubeskoop_tcpext_listenoverflows", "kubeskoop_tcpext_listenoverflow"],
            Inspector = ["inspector_pod_tcpextlistenoverflows"],
        },
        new("netlens.tcpext.paws_estab")
        {
            KubeSkoop = ["kubeskoop_tcpext_pawsestab"],
            Inspector = ["inspector_pod_tcpextpawsestab", "inspector_pod_tcpextpawsestabrejected"],
        },
        .. LegacyName.InBoth("udp",
            ("netlens.udp.datagrams receive ipv4", "indatagrams"),
            ("netlens.udp.ignored_multi ipv4", "ignoredmulti")),
        new("netlens.udp.datagrams transmit ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_outdatagrams", "kubeskoop_pod_udpoutdatagrams"],
            Inspector = ["inspector_pod_udpoutdatagrams"],
        },
        new("netlens.udp.no_ports ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_noports", "kubeskoop_pod_udpnoports"],
            Inspector = ["inspector_pod_udpnoports"],
        },
        new("netlens.udp.in_errors ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_inerrors", "kubeskoop_pod_udpinerrors"],
            Inspector = ["inspector_pod_udpinerrors"],
        },
        new("netlens.udp.rcvbuf_errors ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_rcvbuferrors", "kubeskoop_pod_udprcvbuferrors"],
            Inspector = ["inspector_pod_udprcvbuferrors"],
        },
        new("netlens.udp.sndbuf_errors ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_sndbuferrors", "kubeskoop_pod_udpsndbuferrors"],
            Inspector = ["inspector_pod_udpsndbuferrors"],
        },
        new("netlens.udp.in_csum_errors ipv4")
        {
            KubeSkoop = ["kubeskoop_udp_incsumerrors", "kubeskoop_pod_udpincsumerrors"],
            Inspector = ["inspector_pod_udpincsumerrors"],
        },
    ];
}
