using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Packets that IPsec dropped per namespace, by the kernel's reason, IPv4 and IPv6 together. A series begins with its
/// first count: a namespace without IPsec has none.
/// </summary>
internal sealed class Xfrm(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibSpec Spec = new(
        "xfrm", "Packets that IPsec dropped, by reason: no SA, wrong key, replay, policy.",
        "/proc/net/xfrm_stat (net/xfrm/xfrm_proc.c)",
        [new MibSectionRule(XfrmFile.Section, "netlens.xfrm.")],
        [
            Count("InError", "Packets received that failed for a reason without a counter of its own"),
            Count("InBufferError", "Packets received that there was no memory for"),
            Count("InHdrError", "Packets received whose IPsec header cannot be read"),
            Count("InNoStates", "Packets received for an SA that is not here: unknown SPI, address or protocol"),
            Count("InStateProtoError",
                "Packets received that fail the check of their SA: another key, or changed on the way"),
            Count("InStateModeError", "Packets received whose inner header does not fit the mode of their SA"),
            Count("InStateSeqError", "Packets received twice, or with a number behind the replay window"),
            Count("InStateExpired", "Packets received for an SA whose lifetime is over"),
            Count("InStateMismatch", "Packets received in UDP for an SA without it, or the other way round"),
            Count("InStateInvalid", "Packets received for an SA that is not valid any more"),
            Count("InTmplMismatch",
                "Packets received in clear, or by another SA, where a policy asks for one of its own"),
            Count("InNoPols",
                "Packets received that no policy allows: out of a tunnel, or where the default is to block"),
            Count("InPolBlock", "Packets received that a policy blocks"),
            Count("InPolError", "Packets received whose policy could not be looked up"),
            Count("OutError", "Packets to send that failed for a reason without a counter of its own"),
            Count("OutBundleGenError", "Packets to send for which the SAs of their policy could not be put together"),
            Count("OutBundleCheckError", "Packets to send whose SAs, put together before, are not valid any more"),
            Count("OutNoStates", "Packets to send whose policy has no SA: not negotiated yet, or lost"),
            Count("OutStateProtoError", "Packets to send that could not be encrypted or signed"),
            Count("OutStateModeError", "Packets to send that do not fit the mode of their SA"),
            Count("OutStateSeqError", "Packets to send by an SA that has no sequence numbers left"),
            Count("OutStateExpired", "Packets to send by an SA whose lifetime is over"),
            Count("OutPolBlock", "Packets to send that a policy blocks"),
            Count("OutPolDead", "Packets to send whose policy was removed meanwhile"),
            Count("OutPolError", "Packets to send whose policy could not be looked up"),
            Count("FwdHdrError", "Packets to forward whose headers could not be read for a policy"),
            Count("OutStateInvalid", "Packets to send by an SA that is not valid any more"),
            Count("AcquireError", "Packets for an SA that is still being negotiated"),
            Count("OutStateDirError", "Packets to send by an SA that is for receiving"),
            Count("InStateDirError", "Packets received for an SA that is for sending"),
            Count("InIptfsError", "Packets received that IP-TFS could not take apart"),
            Count("OutNoQueueSpace", "Packets to send that found the queue of IP-TFS full"),
        ])
    {
        LeavesZerosOut = true,
    };

    public static new ProbeInfo Info => Spec.Info;

    private static MibCounter Count(string counter, string description) =>
        new(XfrmFile.Section, counter, Units.Packets, $"{description} (Xfrm{counter}).");
}
