using System.Net;
using System.Net.Sockets;
using Collector.Core.Probes;
using Collector.Linux.Probes;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Ebpf.Tests.Lab;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ebpf.Tests.Probes;

/// <summary>What programs cost is measured by the kernel, and the dearest optional probe gives way.</summary>
public sealed class CpuBudgetTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(200);

    [RequiresBpfFact]
    public void A_flood_switches_off_the_dearest_optional_probe_and_the_others_go_on()
    {
        var events = new EventRecorder();
        using var collector = Collector(0.02, events);
        collector.CollectOnce();
        Running(collector).ShouldBe(["packetloss", "tcpretrans", "transmit", "ebpf"], ignoreOrder: true);
        using var pair = new TestNetnsPair();
        using (new DatagramFlood(pair))
        {
            BpfProbeRun.Eventually(() =>
            {
                Turn(collector);
                Runner(collector, "transmit").State.ShouldBe(ProbeState.Off, $"{collector.Budget.Percent} %");
            }, 120);
            Runner(collector, "transmit").Reason.ShouldStartWith("budget: its programs took ");
            // The others are never switched off, however dear they are.
            BpfProbeRun.Eventually(() =>
            {
                Turn(collector);
                collector.Budget.Exhausted.ShouldBeTrue($"{collector.Budget.Percent} %");
            }, 120);
        }
        Running(collector).ShouldBe(["packetloss", "tcpretrans", "ebpf"], ignoreOrder: true);
        collector.Node.CostOf("transmit").ShouldBe(-1, "its programs are gone");
        collector.Node.CostOf("packetloss").ShouldBeGreaterThan(0);
        var told = events.All.Single(e => e.Info.Name == "netlens.ebpf.switched_off");
        told.Field("netlens.ebpf.probe")!.Value.Text.ShouldBe("transmit");
        told.Message.ShouldBe($"probe transmit was switched off: {Runner(collector, "transmit").Reason}");

        collector.Revive();
        collector.CollectOnce();
        Runner(collector, "transmit").State.ShouldBe(ProbeState.Running, "a reload starts it again");
    }

    [RequiresBpfFact]
    public void Without_a_flood_nothing_is_switched_off()
    {
        var events = new EventRecorder();
        using var pair = new TestNetnsPair();
        using var collector = Collector(2, events);
        collector.CollectOnce();
        for (var i = 0; i < 2 * CpuBudget.Windows; i++)
            Turn(collector);
        collector.Node.CostWindows.ShouldBe(2 * CpuBudget.Windows);
        // What a collection leaves that took nearly all of its interval is no measure.
        collector.Node.Rest(Window / 100, CancellationToken.None);
        collector.Node.CostWindows.ShouldBe(2 * CpuBudget.Windows);
        collector.Budget.Mean.ShouldBeGreaterThanOrEqualTo(0);
        Running(collector).ShouldContain("transmit");
        events.All.ShouldNotContain(e => e.Info.Name == "netlens.ebpf.switched_off");
    }

    private static void Turn(NodeCollector collector)
    {
        collector.Node.Rest(Window, CancellationToken.None);
        collector.CollectOnce();
    }

    private static IEnumerable<string> Running(NodeCollector collector) =>
        collector.Runners.Where(r => r.State == ProbeState.Running).Select(r => r.Info.Id);

    private static ProbeRunner Runner(NodeCollector collector, string id) =>
        collector.Runners.Single(r => r.Info.Id == id);

    private static NodeCollector Collector(double percent, EventRecorder events)
    {
        string[] on = ["packetloss", "tcpretrans", "transmit", "ebpf"];
        var options = new AgentOptions
        {
            Budget = new() { Cpu = percent },
            Ebpf = new() { Btf = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file) : null },
            Probes = AllProbes.List.Select(p => p.Info)
                .ToDictionary(p => p.Id, p => new ProbeChoice(on.Contains(p.Id), new ProbeSettings(p))),
        };
        var node = (LinuxNode)NodeFactory.Create(options.Paths, options.Ebpf, events: events);
        node.Host.Bpf.Costs.Every = TimeSpan.Zero;
        node.Host.Bpf.Costs.Length = Window;
        return new NodeCollector(node, options, TimeProvider.System, NullLogger.Instance);
    }

    /// <summary>Datagrams that nobody wants, as fast as they can be sent.</summary>
    private sealed class DatagramFlood : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stop;

        public DatagramFlood(TestNetnsPair pair)
        {
            _thread = new Thread(() => pair.Left.Inside(Send));
            _thread.Start();
        }

        private void Send()
        {
            using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            var to = new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv4), 9);
            while (!_stop)
                sender.SendTo("x"u8, to);
        }

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
        }
    }
}
