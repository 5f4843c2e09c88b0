namespace Collector.Linux.Sources;

/// <summary>
/// Counters whose name in /proc is not that of their enumerator (net/ipv4/proc.c, net/ipv6/proc.c,
/// net/xfrm/xfrm_proc.c).
/// </summary>
internal static class MibNames
{
    private static readonly Dictionary<string, string[]> All = new(StringComparer.Ordinal)
    {
        ["IPSTATS_MIB_ InReceives"] = ["INPKTS"],
        ["IPSTATS_MIB_ ForwDatagrams"] = ["OUTFORWDATAGRAMS"],
        // Until 6.6 what was sent was counted once, as requests.
        ["IPSTATS_MIB_ OutRequests"] = ["OUTREQUESTS", "OUTPKTS"],
        ["IPSTATS_MIB_ OutTransmits"] = ["OUTPKTS"],
        ["IPSTATS_MIB_ InNoECTPkts"] = ["NOECTPKTS"],
        ["IPSTATS_MIB_ InECT1Pkts"] = ["ECT1PKTS"],
        ["IPSTATS_MIB_ InECT0Pkts"] = ["ECT0PKTS"],
        ["IPSTATS_MIB_ InCEPkts"] = ["CEPKTS"],
        ["LINUX_MIB_ TW"] = ["TIMEWAITED"],
        ["LINUX_MIB_ TWRecycled"] = ["TIMEWAITRECYCLED"],
        ["LINUX_MIB_ TWKilled"] = ["TIMEWAITKILLED"],
        ["LINUX_MIB_ PAWSActive"] = ["PAWSACTIVEREJECTED"],
        ["LINUX_MIB_ PAWSEstab"] = ["PAWSESTABREJECTED"],
        ["LINUX_MIB_ PAWSTimewait"] = ["PAWS_TW_REJECTED"],
        ["LINUX_MIB_ TCPSackShifted"] = ["SACKSHIFTED"],
        ["LINUX_MIB_ TCPSackMerged"] = ["SACKMERGED"],
        ["LINUX_MIB_ TCPSackShiftFallback"] = ["SACKSHIFTFALLBACK"],
        ["LINUX_MIB_ IPReversePathFilter"] = ["IPRPFILTER"],
        ["ICMP_MIB_ OutRateLimitGlobal"] = ["RATELIMITGLOBAL"],
        ["ICMP_MIB_ OutRateLimitHost"] = ["RATELIMITHOST"],
        ["ICMP6_MIB_ OutRateLimitHost"] = ["RATELIMITHOST"],
        ["MPTCP_MIB_ MPCapableSYNRX"] = ["MPCAPABLEPASSIVE"],
        ["MPTCP_MIB_ MPCapableSYNTX"] = ["MPCAPABLEACTIVE"],
        ["MPTCP_MIB_ MPCapableSYNACKRX"] = ["MPCAPABLEACTIVEACK"],
        ["MPTCP_MIB_ MPCapableACKRX"] = ["MPCAPABLEPASSIVEACK"],
        ["MPTCP_MIB_ MPCapableFallbackACK"] = ["MPCAPABLEPASSIVEFALLBACK"],
        ["MPTCP_MIB_ MPCapableFallbackSYNACK"] = ["MPCAPABLEACTIVEFALLBACK"],
        ["MPTCP_MIB_ MPCapableSYNTXDrop"] = ["MPCAPABLEACTIVEDROP"],
        ["MPTCP_MIB_ MPCapableSYNTXDisabled"] = ["MPCAPABLEACTIVEDISABLED"],
        ["MPTCP_MIB_ MPFallbackTokenInit"] = ["TOKENFALLBACKINIT"],
        ["MPTCP_MIB_ MPTCPRetrans"] = ["RETRANSSEGS"],
        ["MPTCP_MIB_ MPJoinNoTokenFound"] = ["JOINNOTOKEN"],
        ["MPTCP_MIB_ MPJoinSynRx"] = ["JOINSYNRX"],
        ["MPTCP_MIB_ MPJoinSynBackupRx"] = ["JOINSYNBACKUPRX"],
        ["MPTCP_MIB_ MPJoinSynAckRx"] = ["JOINSYNACKRX"],
        ["MPTCP_MIB_ MPJoinSynAckBackupRx"] = ["JOINSYNACKBACKUPRX"],
        ["MPTCP_MIB_ MPJoinSynAckHMacFailure"] = ["JOINSYNACKMAC"],
        ["MPTCP_MIB_ MPJoinAckRx"] = ["JOINACKRX"],
        ["MPTCP_MIB_ MPJoinAckHMacFailure"] = ["JOINACKMAC"],
        ["MPTCP_MIB_ MPJoinRejected"] = ["JOINREJECTED"],
        ["MPTCP_MIB_ MPJoinSynTx"] = ["JOINSYNTX"],
        ["MPTCP_MIB_ MPJoinSynTxCreatSkErr"] = ["JOINSYNTXCREATSKERR"],
        ["MPTCP_MIB_ MPJoinSynTxBindErr"] = ["JOINSYNTXBINDERR"],
        ["MPTCP_MIB_ MPJoinSynTxConnectErr"] = ["JOINSYNTXCONNECTERR"],
        ["MPTCP_MIB_ DSSNotMatching"] = ["DSSNOMATCH"],
        ["MPTCP_MIB_ DSSNoMatchTCP"] = ["DSSTCPMISMATCH"],
        ["MPTCP_MIB_ NoDSSInWindow"] = ["NODSSWINDOW"],
        ["MPTCP_MIB_ DuplicateData"] = ["DUPDATA"],
        ["MPTCP_MIB_ MPJoinPortSynRx"] = ["JOINPORTSYNRX"],
        ["MPTCP_MIB_ MPJoinPortSynAckRx"] = ["JOINPORTSYNACKRX"],
        ["MPTCP_MIB_ MPJoinPortAckRx"] = ["JOINPORTACKRX"],
        ["MPTCP_MIB_ MPCurrEstab"] = ["CURRESTAB"],
        ["MPTCP_MIB_ SimultConnectFallback"] = ["SIMULTCONNFALLBACK"],
        ["LINUX_MIB_XFRM OutNoQueueSpace"] = ["OUTNOQSPACE"],
    };

    /// <summary>By the names of net/ipv4/proc.c icmpmibmap.</summary>
    public static IReadOnlyDictionary<string, int> IcmpTypes { get; } = new Dictionary<string, int>
    {
        ["EchoReps"] = 0, ["DestUnreachs"] = 3, ["SrcQuenchs"] = 4, ["Redirects"] = 5, ["Echos"] = 8,
        ["TimeExcds"] = 11, ["ParmProbs"] = 12, ["Timestamps"] = 13, ["TimestampReps"] = 14, ["AddrMasks"] = 17,
        ["AddrMaskReps"] = 18,
    };

    /// <summary>By the names of net/ipv6/proc.c icmp6type2name.</summary>
    public static IReadOnlyDictionary<string, int> Icmp6Types { get; } = new Dictionary<string, int>
    {
        ["DestUnreachs"] = 1, ["PktTooBigs"] = 2, ["TimeExcds"] = 3, ["ParmProblems"] = 4, ["Echos"] = 128,
        ["EchoReplies"] = 129, ["GroupMembQueries"] = 130, ["GroupMembResponses"] = 131,
        ["GroupMembReductions"] = 132, ["RouterSolicits"] = 133, ["RouterAdvertisements"] = 134,
        ["NeighborSolicits"] = 135, ["NeighborAdvertisements"] = 136, ["Redirects"] = 137, ["MLDv2Reports"] = 143,
    };

    /// <summary>The enumerators that a counter may be, without what they all begin with; the likeliest first.</summary>
    public static IEnumerable<string> Enumerators(string prefix, string counter) =>
        counter == "InCsumErrors" ? ["CSUMERRORS"]
        : All.TryGetValue($"{prefix} {counter}", out var others) ? others
        : [counter];
}
