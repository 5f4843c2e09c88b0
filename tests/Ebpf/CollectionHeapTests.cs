using System.Net;
using Collector.Core.Probes;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Ebpf.Tests.Lab;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests;

/// <summary>The whole of a collection, as the agent's loop does it: namespaces, every probe, the agent's own figures,
/// publication, and the rest until the next.</summary>
public sealed class CollectionHeapTests
{
    /// <summary>What is looked at now and then comes at least once in so many collections.</summary>
    private const int InARow = 16;

    [RequiresBpfFact]
    public void A_steady_collection_takes_nothing_of_the_heap_by_either_source()
    {
        using var pair = new TestNetnsPair();
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        var there = right.Listen(IPAddress.Any, 7001, 16);
        left.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), 7001).Send(new byte[10]);
        right.Accept(there).Receive(new byte[10]);
        var options = Options(CollectionSource.Kernel);
        var file = new ConfigurationFileState("", false, 0, new(options, [], new Dictionary<string, string>()));
        using var agent = AgentHost.Build(new(options, file.Result.Sources, Otlp(options)), file);
        ShouldTakeNothing(agent.Collector, fromKernel: true);
        agent.Collector.Reconfigure(Options(CollectionSource.Proc));
        ShouldTakeNothing(agent.Collector, fromKernel: false);
    }

    private static void ShouldTakeNothing(NodeCollector collector, bool fromKernel)
    {
        using var wake = new CancellationTokenSource();
        BpfProbeRun.Eventually(() =>
        {
            for (var i = 0; i < InARow; i++)
            {
                // Rules take some where something moves that they look at.
                var before = collector.Allocated;
                collector.CollectOnce();
                var taken = collector.Allocated - before;
                before = GC.GetAllocatedBytesForCurrentThread();
                collector.Node.Rest(TimeSpan.FromMilliseconds(1), wake.Token);
                taken += GC.GetAllocatedBytesForCurrentThread() - before;
                taken.ShouldBe(0, $"collection {i} of {InARow}");
            }
        });
        var parts = collector.Node.Parts.Where(p => p.IsChosen).ToList();
        parts.Count.ShouldBeGreaterThanOrEqualTo(5);
        parts.ShouldAllBe(p => p.FromKernel == fromKernel);
        collector.Runners.Where(r => r.State == ProbeState.Failed).ShouldBeEmpty();
    }

    private static OtlpSettings Otlp(AgentOptions options) => OtlpSettings.Resolve(options, static _ => null, []);

    /// <summary>Every probe there is, as it is by default.</summary>
    private static AgentOptions Options(CollectionSource source) => new()
    {
        Collection = new() { Source = source },
        Probes = AllProbes.List.ToDictionary(
            p => p.Info.Id, p => new ProbeChoice(true, new ProbeSettings(p.Info))),
        Ebpf = new() { Btf = LabMachine.BtfFile is { } types ? Path.GetDirectoryName(types) : null },
    };
}
