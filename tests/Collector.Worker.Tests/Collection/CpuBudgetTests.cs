using System.Buffers;
using System.Text.Json;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Tests.Configuration;
using Collector.Worker.Tests.Hosting;

namespace Collector.Worker.Tests.Collection;

/// <summary>Which probe gives way when the programs of all take more than they may, with figures given by hand.</summary>
public sealed class CpuBudgetTests
{
    private const long Percent = 10_000_000;

    private static readonly ProbeInfo Usual = Probe("usual");
    private static readonly ProbeInfo Vital = Probe("vital", essential: true);
    private static readonly ProbeInfo Wanted = Probe("wanted", usual: false);

    [Fact]
    public void Three_windows_above_the_budget_switch_the_dearest_optional_one_off()
    {
        var budget = new CpuBudget(2);
        ProbeCost[] costs = [new(Vital, 5 * Percent), new(Usual, 4 * Percent), new(Wanted, Percent)];
        budget.Add(costs).ShouldBeNull();
        budget.Add(costs).ShouldBeNull();
        var over = budget.Add(costs)!;
        over.Probe.ShouldBe(Wanted, "it was switched on by hand");
        over.Reason.ShouldBe("budget: its programs took 1 % of a processor, those of all 10 %, and budget.cpu is 2 %");

        budget.Add(costs[..2]).ShouldBeNull();
        budget.Add(costs[..2]).ShouldBeNull();
        budget.Add(costs[..2])!.Probe.ShouldBe(Usual);

        for (var i = 0; i < CpuBudget.Windows; i++)
        {
            budget.Exhausted.ShouldBeFalse();
            budget.Add(costs[..1]).ShouldBeNull();
        }
        budget.Exhausted.ShouldBeTrue("what is left counts losses");
    }

    [Fact]
    public void A_burst_and_what_is_within_the_budget_switch_nothing_off()
    {
        var budget = new CpuBudget(2);
        budget.Add([new(Wanted, 5 * Percent)]).ShouldBeNull();
        for (var i = 0; i < 20; i++)
            budget.Add([new(Wanted, i % 3 == 2 ? 5 * Percent : Percent / 4)]).ShouldBeNull();
        budget.Mean.ShouldBeLessThan(2 * Percent);
        budget.Exhausted.ShouldBeFalse();
    }

    [Fact]
    public void One_that_costs_next_to_nothing_does_not_give_way_for_another()
    {
        var budget = new CpuBudget(2);
        for (var i = 0; i < 2; i++)
            budget.Add([new(Usual, 3 * Percent), new(Wanted, Percent / 100)]).ShouldBeNull();
        budget.Add([new(Usual, 3 * Percent), new(Wanted, Percent / 100)])!.Probe.ShouldBe(Usual);
    }

    [Fact]
    public void Without_a_budget_everything_goes_on()
    {
        var budget = new CpuBudget(0);
        for (var i = 0; i < 10; i++)
            budget.Add([new(Wanted, 90 * Percent)]).ShouldBeNull();
        budget.Percent.ShouldBe(90);
        budget.Exhausted.ShouldBeFalse();
    }

    [Fact]
    public void What_is_switched_off_is_said_and_comes_back_with_a_reload()
    {
        var log = new LogList<NodeCollector>();
        var node = new Node();
        using var collector = new NodeCollector(node, new AgentOptions(), TimeProvider.System, log);
        collector.CollectOnce();
        node.Share = 3 * Percent;
        for (var i = 0; i < CpuBudget.Windows; i++)
        {
            node.CostWindows++;
            collector.CollectOnce();
            // No window has ended since: nothing is judged.
            collector.CollectOnce();
        }
        var (usual, vital) = (collector.Runners[0], collector.Runners[1]);
        usual.State.ShouldBe(ProbeState.Off);
        usual.Reason.ShouldBe("budget: its programs took 3 % of a processor, those of all 6 %, and budget.cpu is 2 %");
        vital.State.ShouldBe(ProbeState.Running);
        node.Reported.ShouldBe([usual.Info.Id]);
        var (told, words) = DoctorCommand.SwitchedOff(StatusOf(collector)).ShouldHaveSingleItem();
        told.ShouldBe("usual");
        words.ShouldBe($"the running agent switched it off: {usual.Reason}");
        var collected = usual.Collections;
        collector.CollectOnce();
        usual.Collections.ShouldBe(collected);
        log.Lines.ShouldBe([$"Warning: probe usual was switched off until the next reload: {usual.Reason}"]);

        collector.Revive();
        collector.CollectOnce();
        collector.Runners[0].State.ShouldBe(ProbeState.Running);
        collector.Runners[1].ShouldBe(vital, "it was not disturbed");
        node.Instances.ShouldBe(2);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("{}")]
    [InlineData("""{"probes":{}}""")]
    [InlineData("""{"probes":[1,{"id":"a"},{"state":"running"}]}""")]
    public void An_answer_of_another_kind_says_of_no_probe_that_it_is_off(string status)
    {
        using var answer = JsonDocument.Parse(status);
        DoctorCommand.SwitchedOff(answer.RootElement).ShouldBeEmpty();
    }

    [Fact]
    public void A_kernel_that_measures_nothing_is_said_once()
    {
        var log = new LogList<NodeCollector>();
        using var collector = new NodeCollector(
            new Node { CostHindrance = "no right" }, new AgentOptions(), TimeProvider.System, log);
        collector.CollectOnce();
        collector.CollectOnce();
        log.Lines.ShouldBe(["Information: budget.cpu is not kept: no right"]);
    }

    [Theory]
    [InlineData("2", 2)]
    [InlineData("2%", 2)]
    [InlineData("\"2 %\"", 2)]
    [InlineData("2 %", 2)]
    [InlineData("0.25%", 0.25)]
    [InlineData("off", 0)]
    [InlineData("0", 0)]
    [InlineData("0%", 0)]
    [InlineData("150%", 150)]
    public void The_budget_is_read(string text, double expected) =>
        Samples.LoadGood($"budget: {{cpu: {text}}}").Budget.Cpu.ShouldBe(expected);

    [Theory]
    [InlineData("much", "is not a percentage")]
    [InlineData("-1", "is not a percentage")]
    [InlineData("1e3", "is not a percentage")]
    [InlineData("NaN", "is not a percentage")]
    [InlineData("0.0001", "is out of range")]
    [InlineData("10001%", "is out of range")]
    public void Other_budgets_are_one_error_with_what_is_allowed(string text, string problem)
    {
        var error = Samples.Load($"budget:\n  cpu: {text}\n").Errors.ShouldHaveSingleItem().ToString();
        error.ShouldContain("f.yaml:2");
        error.ShouldContain("budget.cpu");
        error.ShouldContain(problem);
        error.ShouldContain("off, 0, or per cent such as 2% or 0.5 %");
    }

    private static JsonElement StatusOf(NodeCollector collector)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            AgentStatus.WriteProbes(json, collector.Runners);
            json.WriteEndObject();
        }
        return JsonDocument.Parse(text.WrittenMemory).RootElement;
    }

    private static ProbeInfo Probe(string id, bool usual = true, bool essential = false) => new()
    {
        Id = id, Description = "A test.", Source = "nowhere", Tables = [], EnabledByDefault = usual,
        Essential = essential, Watches = true,
    };

    private sealed class Node : INode
    {
        public List<string> Reported { get; } = [];

        public int Instances { get; private set; }

        public long Share { get; set; } = -1;

        public long CostWindows { get; set; }

        public string CostHindrance { get; init; } = "";

        public IReadOnlyList<ProbeInfo> Catalogue { get; } = [Usual, Vital];

        public IEnumerable<NetNamespace> Namespaces => [];

        public int NamespaceCount => 1;

        public int UnreadableNamespaces => 0;

        public long CostOf(string probe) => Share;

        public void ReportSwitchedOff(string probe, double percent, double budget, string reason) =>
            Reported.Add(probe);

        public Probe Create(ProbeInfo info, ProbeSettings settings)
        {
            if (info == Usual)
                Instances++;
            return new Quiet(info);
        }

        public void Refresh(SnapshotBuilder snapshot)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class Quiet(ProbeInfo info) : Probe(info)
    {
        public override void Collect(SnapshotBuilder snapshot)
        {
        }
    }
}
