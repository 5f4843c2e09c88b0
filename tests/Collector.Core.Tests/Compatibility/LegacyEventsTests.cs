using Collector.Core.Compatibility;
using Collector.Core.Events;
using Collector.Core.Metrics;

namespace Collector.Core.Tests.Compatibility;

/// <summary>Which old type an occurrence has: KubeSkoop's, and ACK Net Exporter's where that was another.</summary>
public sealed class LegacyEventsTests
{
    [Theory]
    [InlineData("packetloss.drop", "", "PacketLoss", "PACKETLOSS")]
    [InlineData("packetloss.refused", "", "PacketLoss", "PACKETLOSS")]
    [InlineData("tcpretrans.retransmit", "", "TCPRetrans", null)]
    [InlineData("tcptwrcv.segment", "", null, null)]
    [InlineData("tcpreset.sent", "reset.origin=no_socket", "TCPRESET_NOSOCK", "TCP_SEND_RST_NOSock")]
    [InlineData("tcpreset.sent", "reset.origin=stack", "TCPRESET_PROCESS", "TCP_SEND_RST")]
    [InlineData("tcpreset.sent", "reset.origin=active", "TCPRESET_ACTIVE", "TCP_SEND_RST_ACTIVE")]
    [InlineData("tcpreset.received", "state=syn_sent", "TCPRESET_RECEIVE", "TCP_RCV_RST_SYN")]
    [InlineData("tcpreset.received", "state=syn_received", "TCPRESET_RECEIVE", "TCP_RCV_RST_SYN")]
    [InlineData("tcpreset.received", "state=established", "TCPRESET_RECEIVE", "TCP_RCV_RST_ESTAB")]
    [InlineData("tcpreset.received", "state=close_wait", "TCPRESET_RECEIVE", null)]
    [InlineData("tcpreset.received", "state=time_wait", null, "TCP_RCV_RST_TW")]
    [InlineData("virtcmdlatency.slow", "virtcmd.duration=10000000", null, null)]
    [InlineData("virtcmdlatency.slow", "virtcmd.duration=10000001", "VIRTCMDEXCUTE", null)]
    [InlineData("virtcmdlatency.slow", "virtcmd.duration=100000001", "VIRTCMDEXCUTE_100MS", null)]
    [InlineData("biolatency.slow", "block.duration=10000000", null, null)]
    [InlineData("biolatency.slow", "block.duration=10000001", "BIOLAT_10MS", null)]
    [InlineData("socketlatency.slow_read", "socketlatency.duration=100000000", null, null)]
    [InlineData("socketlatency.slow_read", "socketlatency.duration=100000001", "SOCKETLAT_READSLOW", null)]
    [InlineData("socketlatency.slow_write", "socketlatency.duration=100000001", "SOCKETLAT_SENDSLOW", null)]
    [InlineData("transmit.slow", "station=socket transmit.duration=10000000", null, null)]
    [InlineData("transmit.slow", "station=socket transmit.duration=10000001", "TXKERNEL_SLOW", null)]
    [InlineData("transmit.slow", "station=queue transmit.duration=100000000", null, null)]
    [InlineData("transmit.slow", "station=queue transmit.duration=100000001", "NETIFTXLAT_QDISC", null)]
    [InlineData("transmit.slow", "station=driver transmit.duration=100000001", "NETIFTXLAT_XMIT", null)]
    [InlineData("receive.slow", "receive.duration=10000000", null, null)]
    [InlineData("receive.slow", "receive.duration=10000001", "RXKERNEL_SLOW", null)]
    [InlineData("receive.read_slow", "receive.duration=100000001", null, null)]
    [InlineData("softirq.slow", "phase=wait vector=net_rx softirq.duration=10000000", null, null)]
    [InlineData("softirq.slow", "phase=wait vector=net_rx softirq.duration=20000000",
        "SOFTIRQ_SCHED_SLOW", "NETSOFTIRQ_SCHED_SLOW")]
    [InlineData("softirq.slow", "phase=run vector=net_rx softirq.duration=100000001",
        "SOFTIRQ_EXCUTE_100MS", "NETSOFTIRQ_EXCUTE_100MS")]
    [InlineData("softirq.slow", "phase=run vector=timer softirq.duration=20000000", "SOFTIRQ_EXCUTE_SLOW", null)]
    [InlineData("softirq.slow", "phase=wait vector=timer softirq.duration=200000000", "SOFTIRQ_SCHED_100MS", null)]
    public void An_occurrence_has_the_type_that_others_gave_it(
        string kind, string fields, string? kubeSkoop, string? inspector)
    {
        var pairs = fields.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(f => f.Split('=')).ToArray();
        var e = new NetworkEvent
        {
            Info = new()
            {
                Name = $"netlens.{kind}", Severity = EventSeverity.Warn, Description = "",
                Fields = [.. pairs.Select(p => new TagKey(KeyOf(p[0])))],
            },
            Time = 1, ObservedTime = 1, Message = "",
            Fields = [.. pairs.Select(p => (TagValue?)(long.TryParse(p[1], out var n) ? new TagValue(n) : p[1]))],
        };

        (e.KubeSkoopType, e.InspectorType).ShouldBe((kubeSkoop, inspector));
        if (kubeSkoop is not null)
            e.Info.KubeSkoopTypes().ShouldContain(kubeSkoop);
        if (inspector is not null)
            e.Info.InspectorTypes().ShouldContain(inspector);
    }

    private static string KeyOf(string word) => word switch
    {
        "state" => "network.connection.state",
        "phase" or "vector" => $"netlens.softirq.{word}",
        "station" => "netlens.transmit.station",
        _ => $"netlens.{word}",
    };
}
