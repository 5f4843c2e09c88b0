using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Drops;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Drop reasons by name whatever their numbers: of 7.2, where those of qdiscs are a subsystem's.</summary>
public sealed class DropReasonsTests : IDisposable
{
    private const uint Qdisc = 3 << 16;
    private const uint OpenVSwitch = 2 << 16;

    // The enums of 7.2 as far as they matter; a reason of the core beyond 256 is of no kernel yet.
    private const string Linux72 = """
        enum skb_drop_reason {
            SKB_NOT_DROPPED_YET, SKB_CONSUMED, SKB_DROP_REASON_NOT_SPECIFIED, SKB_DROP_REASON_NO_SOCKET,
            SKB_DROP_REASON_NETFILTER_DROP = 12, SKB_DROP_REASON_FAR = 300, SKB_DROP_REASON_SUBSYS_MASK = 0xffff0000,
        } core;
        enum skb_drop_reason_subsys {
            SKB_DROP_REASON_SUBSYS_CORE, SKB_DROP_REASON_SUBSYS_MAC80211_UNUSABLE, SKB_DROP_REASON_SUBSYS_OPENVSWITCH,
            SKB_DROP_REASON_SUBSYS_QDISC, SKB_DROP_REASON_SUBSYS_NUM,
        } subsystem;
        enum qdisc_drop_reason {
            QDISC_DROP_UNSPEC, __QDISC_DROP_REASON = 3 << 16, QDISC_DROP_GENERIC, QDISC_DROP_OVERLIMIT,
            QDISC_DROP_CONGESTED, QDISC_DROP_MAXFLOWS,
        } qdisc;
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-reasons-").FullName;
    private readonly List<string> _asked = [];

    private DropReasons Reasons(string enums)
    {
        File.WriteAllText($"{_folder}/kernel.c", enums);
        Shell.Run("clang", "-g", "-target", "bpf", "-c", $"{_folder}/kernel.c", "-o", $"{_folder}/kernel.o");
        using var btf = Btf.TryParse($"{_folder}/kernel.o", out var reason).ShouldNotBeNull(reason);
        return new DropReasons(btf, (module, name) =>
        {
            _asked.Add($"{module} {name}");
            return new() { [(int)OpenVSwitch + 1] = "OVS_DROP_LAST_ACTION" };
        });
    }

    private static ProbeSettings Settings(params (string, string)[] settings) =>
        ProbeSettings.Of(PacketLoss.Info, settings);

    [RequiresBpfFact("clang")]
    public void Reasons_of_qdiscs_have_the_names_that_they_had_among_those_of_the_core()
    {
        var reasons = Reasons(Linux72);
        new[] { 2u, 12u, 300u, Qdisc + 1, Qdisc + 2, Qdisc + 3, Qdisc + 4, Qdisc + 99 }.Select(reasons.Name).ShouldBe(
        [
            "NOT_SPECIFIED", "NETFILTER_DROP", "FAR", "QDISC_DROP", "QDISC_OVERLIMIT", "QDISC_CONGESTED",
            "QDISC_MAXFLOWS", "QDISC_99",
        ]);
        reasons.Specific(2).ShouldBe("");
        reasons.Name(7 << 16 | 5).ShouldBe("subsystem_7_5");
        _asked.ShouldBeEmpty();
    }

    [RequiresBpfFact("clang")]
    public void A_modules_reasons_are_asked_for_when_one_comes()
    {
        var reasons = Reasons(Linux72);
        reasons.Name(OpenVSwitch + 1).ShouldBe("OVS_DROP_LAST_ACTION");
        reasons.Name(OpenVSwitch + 5).ShouldBe("OPENVSWITCH_5");
        reasons.Name(OpenVSwitch + 5).ShouldBe("OPENVSWITCH_5");
        _asked.ShouldBe(["openvswitch ovs_drop_reason"]);
        reasons.Action(Settings(("silent", "OVS_DROP_LAST_ACTION")), OpenVSwitch + 1).ShouldBe(DropActions.Count);
    }

    [RequiresBpfFact("clang")]
    public void Settings_reach_every_reason_by_its_name_and_no_other()
    {
        var reasons = Reasons(Linux72);
        var settings = Settings(("ignore", "QDISC_OVERLIMIT,FAR"), ("silent", "QDISC_CONGESTED,NETFILTER_DROP"));
        var table = reasons.Actions(settings);
        var actions = MemoryOf(table);
        Marked(DropActions.Ignore).ShouldBe([DropActionTable.IndexOf(Qdisc + 2)]);
        Marked(DropActions.Count).ShouldBe([12, DropActionTable.IndexOf(Qdisc + 3)]);
        // Of these kernels tell nothing by themselves.
        Marked(DropActions.Look).ShouldBe([0, 2, 3]);
        // Without a place among the numbers that the kernel side knows it is for user space to leave out.
        DropActionTable.IndexOf(300).ShouldBe(-1);
        reasons.Action(settings, 300).ShouldBe(DropActions.Ignore);
        reasons.Unknown(settings).ShouldBeEmpty();
        reasons.Unknown(Settings(("ignore", "QDISC_NONE"))).ShouldBe(["QDISC_NONE"]);

        int[] Marked(DropActions action) =>
            [.. Enumerable.Range(0, actions.Length).Where(i => ((DropActions)actions[i]).HasFlag(action))];
    }

    private static byte[] MemoryOf(in DropActionTable table) =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(
            new ReadOnlySpan<DropActionTable>(in table)).ToArray();

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
