using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Bpf;

/// <summary>IPsec's counters in the pass over all namespaces are those that cat shows in each.</summary>
public sealed class XfrmPassTests
{
    private const string IPv4 = $"src {TestNetnsPair.LeftIPv4} dst {TestNetnsPair.RightIPv4}";
    private const string IPv6 = $"src {TestNetnsPair.LeftIPv6} dst {TestNetnsPair.RightIPv6}";
    private static readonly string Key = "0x" + new string('1', 40);
    private static readonly string OtherKey = "0x" + new string('2', 40);

    [RequiresBpfFact("cat")]
    public void What_policies_drop_is_what_cat_shows()
    {
        using var pair = new TestNetnsPair();
        using var lab = new MibLab(0);
        Figures(lab, pair.Left, 1).ShouldAllBe(c => c.Value == 0);
        Figures(lab, pair.Right, 2).ShouldAllBe(c => c.Value == 0);
        IpsecFaults.Cause(pair);
        var left = ShouldBeAsCatShows(lab, pair.Left, 3);
        left.ShouldContain(("XfrmOutPolBlock", 2));
        left.Single(c => c.Name == "XfrmOutNoStates").Value.ShouldBeGreaterThan(0);
        var right = ShouldBeAsCatShows(lab, pair.Right, 4);
        right.ShouldContain(("XfrmInTmplMismatch", 3));
        right.ShouldContain(("XfrmInPolBlock", 2));
    }

    [RequiresEspFact]
    public void Packets_of_no_SA_of_another_key_and_of_the_past_are_told_apart()
    {
        using var pair = new TestNetnsPair();
        using var lab = new MibLab(0);
        pair.Left.Ip($"xfrm policy add {IPv4} proto udp dport 1005 dir out tmpl {IPv4} proto esp mode transport",
            $"xfrm policy add {IPv6} proto udp dport 1005 dir out tmpl {IPv6} proto esp mode transport");
        AddState(pair.Left, IPv4, Key);
        AddState(pair.Left, IPv6, Key);
        Send(pair, TestNetnsPair.RightIPv4);
        Send(pair, TestNetnsPair.RightIPv6);
        IpsecFaults.Await(pair.Right, ("XfrmInNoStates", 4));

        AddState(pair.Right, IPv4, OtherKey);
        Send(pair, TestNetnsPair.RightIPv4);
        IpsecFaults.Await(pair.Right, ("XfrmInStateProtoError", 2));

        // A sender that begins anew sends numbers that were there before.
        pair.Right.Ip("xfrm state deleteall");
        AddState(pair.Right, IPv4, Key);
        for (var i = 0; i < 2; i++)
        {
            pair.Left.Ip("xfrm state deleteall");
            AddState(pair.Left, IPv4, Key);
            Send(pair, TestNetnsPair.RightIPv4);
        }
        IpsecFaults.Await(pair.Right, ("XfrmInStateSeqError", 2));

        ShouldBeAsCatShows(lab, pair.Right, 1).Where(c => c.Value > 0).ShouldBe(
            [("XfrmInNoStates", 4), ("XfrmInStateProtoError", 2), ("XfrmInStateSeqError", 2)]);
        ShouldBeAsCatShows(lab, pair.Left, 2).ShouldAllBe(c => c.Value == 0);
    }

    private static void AddState(TestNetns ns, string ends, string key) => ns.Run(
    [
        "ip", "xfrm", "state", "add", .. ends.Split(' '), "proto", "esp", "spi", "0x100", "mode", "transport",
        "replay-window", "32", "auth", "hmac(sha1)", key, "enc", "ecb(cipher_null)", "",
    ]);

    private static void Send(TestNetnsPair pair, string address) => IpsecFaults.Send(pair.Left, address, 1005, 2);

    private static List<(string Name, long Value)> ShouldBeAsCatShows(MibLab lab, TestNetns ns, long tick)
    {
        var figures = Figures(lab, ns, tick);
        figures.ShouldBe(IpsecFaults.Read(ns));
        return figures;
    }

    private static List<(string Name, long Value)> Figures(MibLab lab, TestNetns ns, long tick)
    {
        lab.Host.Refresh(0);
        var handle = lab.Host.Namespaces.Find(ns.Inode).ShouldNotBeNull();
        var pass = lab.Host.Mib.Read(handle, tick, MibWish.Of([XfrmFile.Section], false)).ShouldNotBeNull(lab.Part.Reason);
        var section = pass.Find(XfrmFile.Section).ShouldNotBeNull(lab.Part.Reason);
        var values = section.Values.ToArray();
        return [.. section.Layout.Counters.Select((name, i) => (XfrmFile.Section + name, values[i]))];
    }
}

/// <summary>A test with packets of ESP. Skipped where this kernel cannot have any; the lab's kernels can.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresEspFactAttribute : FactAttribute
{
    public RequiresEspFactAttribute() =>
        Skip = BpfSupport.WhyNot(["cat"]) ?? RequiresLinkFactAttribute.WhyNotModule("esp4");
}
