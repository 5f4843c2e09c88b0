namespace Collector.Linux.Tests.Probes;

public sealed class IpvsTests
{
    [Fact]
    public void W_M4_incoming_packets_are_packets_not_bytes()
    {
        using var run = new FileProbeRun("ipvs", FileProbeRun.Fixture("5.15"));
        run.Collect().Legacy("kubeskoop_ipvs_incomingpackets").ShouldBe(2200);
        run.Legacy("kubeskoop_ipvs_incomingbytes").ShouldBe(440000);
    }

    [Fact]
    public void Sixteen_hexadecimal_digits_fit()
    {
        using var tree = new TestTree("5.15");
        var text = tree.Read("proc/net/ip_vs_stats").Split('\n');
        text[2] = "7FFFFFFFFFFFFFFF        0        0                0                0";
        tree.Write("proc/net/ip_vs_stats", string.Join('\n', text));
        using var run = new FileProbeRun("ipvs", tree.Paths);
        run.Collect().Series().First().Value.ShouldBe(long.MaxValue);
    }
}
