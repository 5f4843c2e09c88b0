using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Agent;

namespace Packaging.Tests;

/// <summary>The unit's capabilities are enough, each is needed, and doctor names the line that grants one.</summary>
public sealed class CapabilityTests(CapabilityTests.Node node) : IClassFixture<CapabilityTests.Node>
{
    private const string AllOfEbpf = "(eBPF)";
    private static readonly string[] Netlink = ["netdev", "qdisc", "tcp", "tcpsummary"];

    // Their first rows come with what they measure, a request to a disk or a wait for a CPU, which may be while one of
    // two looks only.
    private static readonly string[] Awaiting = ["biolatency", "runqueue"];

    // Every probe with a program in the kernel; where the kernel has no place for it, doctor's verdict is no ok.
    private static readonly string[] Ebpf =
        [.. NodeFactory.Catalogue.Where(p => p.Watches && p.Id != "ebpf").Select(p => p.Id)];

    [RequiresMachineFact("setpriv")]
    public void A_user_with_the_units_capabilities_sees_what_root_sees()
    {
        var root = node.Doctor([]);
        root.Verdicts.Values.ShouldContain("ok");
        var user = node.Doctor(Unit.Unprivileged(Unit.Capabilities));
        user.Verdicts.ShouldBe(root.Verdicts, ignoreOrder: true);
        user.Problems.ShouldBeEmpty();
        foreach (var probe in root.Series.Where(s => s.Value > 0).Select(s => s.Key).Except(Awaiting))
            user.Series[probe].ShouldBeGreaterThan(0, probe);
    }

    [RequiresMachineTheory("setpriv")]
    [InlineData("CAP_SYS_ADMIN", "netdev qdisc tcp tcpsummary", "failed: EPERM")]
    [InlineData("CAP_SYS_PTRACE", "fd io", "failed: permission")]
    [InlineData("CAP_DAC_READ_SEARCH", "slab", "ermission")]
    [InlineData("CAP_NET_ADMIN", "conntrack", "failed: EPERM")]
    [InlineData("CAP_SYSLOG", "", "")]
    [InlineData("CAP_SYS_ADMIN CAP_BPF CAP_PERFMON", AllOfEbpf, "CAP_BPF and CAP_PERFMON")]
    public void Without_one_its_probes_say_so_and_doctor_names_the_line(string missing, string probes, string reason)
    {
        var capabilities = missing.Split(' ');
        var whole = node.Doctor(Unit.Unprivileged(Unit.Capabilities));
        var less = node.Doctor(Unit.Unprivileged(Unit.Capabilities.Except(capabilities)));
        string[] affected = probes == AllOfEbpf ? Ebpf : probes.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (var probe in affected)
        {
            if (whole.Verdicts[probe] != "ok")
                continue;
            less.Verdicts[probe].ShouldBeOneOf("partial", "unavailable");
            less.Reasons[probe].ShouldContain(reason, Case.Sensitive, probe);
        }
        less.Problems.Count.ShouldBe(capabilities.Length, string.Join('\n', less.Problems));
        foreach (var capability in capabilities)
        {
            var problem = less.Problems.Single(p => p.StartsWith($"{capability} is missing: needed "));
            problem.ShouldEndWith(
                $"in netlens.service: AmbientCapabilities={capability} and CapabilityBoundingSet={capability}");
        }
        if (capabilities.Length == 1)
        {
            foreach (var probe in Ebpf)
                less.Verdicts[probe].ShouldBe(whole.Verdicts[probe], probe);
        }
        if (!capabilities.Contains("CAP_SYS_ADMIN"))
        {
            foreach (var probe in Netlink)
                less.Verdicts[probe].ShouldBe("ok", probe);
        }
    }

    [RequiresMachineFact("setpriv")]
    public void What_others_read_and_wrote_is_told_by_the_kernel_to_who_may_not_read_their_files()
    {
        var told = node.Doctor(Unit.Unprivileged(Unit.Capabilities.Except(["CAP_DAC_READ_SEARCH"])));
        told.Parts["processes"].Source.ShouldBe("kernel", told.Parts["processes"].Reason);
        told.Verdicts["io"].ShouldBe("ok", told.Reasons["io"]);
    }

    [RequiresMachineTheory("setpriv")]
    [InlineData("", "kernel", "agrees with /proc")]
    [InlineData("CAP_PERFMON", "proc", "CAP_BPF and CAP_PERFMON")]
    [InlineData("CAP_BPF", "proc", "CAP_BPF and CAP_PERFMON")]
    public void Counters_of_all_namespaces_are_read_in_the_kernel_where_the_unit_may(
        string missing, string source, string reason)
    {
        // One of them stands for the others.
        string[] without = missing.Length == 0 ? [] : [missing, "CAP_SYS_ADMIN"];
        var told = node.Doctor(Unit.Unprivileged(Unit.Capabilities.Except(without)));
        var mib = told.Parts["mib"];
        mib.Source.ShouldBe(source, mib.Reason);
        mib.Reason.ShouldContain(reason);
        told.Series["tcp"].ShouldBeGreaterThan(0);
    }

    /// <summary>A machine for all of these tests, with another user's processes and another namespace.</summary>
    public sealed class Node : IDisposable
    {
        private readonly Lazy<Machine> _machine = new(static () => new Machine());

        internal Judgement Doctor(string[] rights)
        {
            var doctor = _machine.Value.Try([.. rights, Artifacts.Program, "doctor", "--format", "json"]);
            doctor.Code.ShouldBe(0, doctor.Error);
            var root = JsonDocument.Parse(doctor.Output).RootElement;
            var probes = root.GetProperty("probes").EnumerateArray().ToArray();
            Dictionary<string, string> Texts(string name) => probes.ToDictionary(
                p => p.GetProperty("probe").GetString()!, p => p.GetProperty(name).GetString()!);
            return new(
                Texts("verdict"), Texts("reason"),
                probes.ToDictionary(p => p.GetProperty("probe").GetString()!, p => p.GetProperty("series").GetInt64()),
                [.. root.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!)])
            {
                Parts = root.GetProperty("parts").EnumerateArray().ToDictionary(
                    p => p.GetProperty("part").GetString()!,
                    p => (p.GetProperty("source").GetString()!, p.GetProperty("reason").GetString()!)),
            };
        }

        public void Dispose()
        {
            if (_machine.IsValueCreated)
                _machine.Value.Dispose();
        }
    }

    /// <summary>What doctor said.</summary>
    internal sealed record Judgement(
        Dictionary<string, string> Verdicts, Dictionary<string, string> Reasons, Dictionary<string, long> Series,
        IReadOnlyList<string> Problems)
    {
        /// <summary>How the parts of the collection are read.</summary>
        public required IReadOnlyDictionary<string, (string Source, string Reason)> Parts { get; init; }
    }
}
