namespace Collector.Worker.Configuration.Import;

/// <summary>Why a probe of KubeSkoop has no equivalent.</summary>
internal static class ProbeReasons
{
    public static string WhyNot(string id) => id switch
    {
        "slab" => "only ACK Net Exporter has it; switch it on with probes.slab",
        "tcptwrcv" => "only ACK Net Exporter has it; here it is on by itself",
        "info" or "sched" or "procsched" or "tracetasklatency" =>
            "no version of KubeSkoop has anything behind this name",
        _ => "KubeSkoop has no such probe, and does not start",
    };
}
