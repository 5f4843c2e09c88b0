using System.Diagnostics;
using System.Text.Json;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Worker.Portable;

namespace Collector.Worker.Tests.Portable;

// The base library reads /proc here, so the portable probes can be held against ip and nstat on Linux too.
public class PortableProbesTests
{
    private static readonly NetNamespace Machine = new(0, 1, isHost: true, startTime: 1);

    [Fact]
    public void Each_fills_the_tables_of_the_Linux_probe_of_its_id()
    {
        PortableProbes.List.Select(p => p.Id).ShouldBe(["netdev", "tcp", "udp", "ip", "icmp"]);
        foreach (var (id, _) in PortableProbes.List)
        {
            using var agent = new Collected(id);
            agent.Snapshot.Tables.ShouldNotBeEmpty();
            agent.Snapshot.Tables.ShouldAllBe(t => InfoOf(id).Tables.Contains(t.Info));
            foreach (var table in agent.Snapshot.Tables)
            {
                foreach (var row in table.Rows)
                    row.Namespace.ShouldBe(Machine);
            }
            agent.Failures.ShouldBeEmpty();
        }
    }

    [Fact]
    public void All_others_need_Linux()
    {
        var others = AllProbes.List.Where(p => PortableProbes.List.All(q => q.Id != p.Info.Id)).ToList();
        others.ShouldNotBeEmpty();
        foreach (var (info, _) in others)
        {
            Should.Throw<ProbeUnavailableException>(() => PortableProbes.Create(info, new ProbeSettings(info), Machine))
                .Message.ShouldBe("needs Linux");
        }
    }

    [Fact]
    public void A_node_without_Linux_has_one_namespace_and_the_whole_catalogue()
    {
        using var node = new PortableNode();
        var machine = node.Namespaces.ShouldHaveSingleItem();
        machine.IsHost.ShouldBeTrue();
        machine.Inode.ShouldBe(0UL);
        machine.StartTime.ShouldBeLessThan(SnapshotBuilder.UnixNanoseconds(DateTimeOffset.UtcNow));
        node.Catalogue.ShouldBe(AllProbes.List.Select(p => p.Info));
        using var probe = node.Create(InfoOf("tcp"), new ProbeSettings(InfoOf("tcp")));
        probe.Info.ShouldBe(InfoOf("tcp"));
    }

    [LinuxTheory]
    [InlineData("rx", "receive")]
    [InlineData("tx", "transmit")]
    public void Devices_equal_ip(string column, string direction)
    {
        var before = Links();
        using var agent = new Collected("netdev");
        var after = Links();
        var table = agent.Snapshot.Tables.Single(t => t.Info.Id == "netdev");
        foreach (var row in table.Rows)
        {
            var name = row.Tags[0].Text;
            if (!before.ContainsKey(name) || !after.ContainsKey(name))
                continue;
            foreach (var (metric, field) in new[]
            {
                ("system.network.io", "bytes"), ("system.network.packet.count", "packets"),
                ("system.network.errors", "errors"),
            })
            {
                agent.Value(table, row, metric, direction).ShouldBeInRange(
                    before[name][$"{column}.{field}"], after[name][$"{column}.{field}"], $"{name} {metric}");
            }
        }
        table.Rows.ToArray().Select(r => r.Tags[0].Text).ShouldContain("lo");
    }

    [LinuxTheory]
    [InlineData("tcp", "netlens.tcp.attempt_fails", "TcpAttemptFails")]
    [InlineData("tcp", "netlens.tcp.estab_resets", "TcpEstabResets")]
    [InlineData("tcp", "netlens.tcp.segments receive", "TcpInSegs")]
    [InlineData("tcp", "netlens.tcp.segments transmit", "TcpOutSegs")]
    [InlineData("tcp", "netlens.tcp.retrans_segs", "TcpRetransSegs")]
    [InlineData("tcp", "netlens.tcp.in_errs", "TcpInErrs")]
    [InlineData("udp", "netlens.udp.datagrams receive ipv4", "UdpInDatagrams")]
    [InlineData("udp", "netlens.udp.datagrams transmit ipv4", "UdpOutDatagrams")]
    [InlineData("udp", "netlens.udp.in_errors ipv4", "UdpInErrors")]
    [InlineData("udp", "netlens.udp.datagrams transmit ipv6", "Udp6OutDatagrams")]
    [InlineData("ip", "netlens.ip.in_receives ipv4", "IpInReceives")]
    [InlineData("ip", "netlens.ip.in_delivers ipv4", "IpInDelivers")]
    [InlineData("ip", "netlens.ip.out_requests ipv4", "IpOutRequests")]
    [InlineData("ip", "netlens.ip.in_addr_errors ipv4", "IpInAddrErrors")]
    [InlineData("ip", "netlens.ip.out_no_routes ipv4", "IpOutNoRoutes")]
    [InlineData("ip", "netlens.ip.forwarded ipv4", "IpForwDatagrams")]
    [InlineData("ip", "netlens.ip.frag_creates ipv4", "IpFragCreates")]
    [InlineData("ip", "netlens.ip.in_receives ipv6", "Ip6InReceives")]
    [InlineData("ip", "netlens.ip.out_requests ipv6", "Ip6OutRequests")]
    [InlineData("icmp", "netlens.icmp.messages receive ipv4", "IcmpInMsgs")]
    [InlineData("icmp", "netlens.icmp.destination_unreachable transmit ipv4", "IcmpOutDestUnreachs")]
    [InlineData("icmp", "netlens.icmp.echo_request receive ipv4", "IcmpInEchos")]
    [InlineData("icmp", "netlens.icmp.messages transmit ipv6", "Icmp6OutMsgs")]
    [InlineData("icmp", "netlens.icmp.router_solicitation transmit ipv6", "Icmp6OutRouterSolicits")]
    public void Counters_equal_nstat(string id, string metric, string counter)
    {
        var before = Nstat(counter);
        using var agent = new Collected(id);
        var after = Nstat(counter);
        var table = agent.Snapshot.Tables.Single();
        var words = metric.Split(' ');
        agent.Value(table, table.Rows[0], words[0], words[1..]).ShouldBeInRange(before, after);
    }

    // The base library cannot tell these on Linux; a 0 in their place would be a lie.
    [LinuxTheory]
    [InlineData("tcp", "netlens.tcp.active_opens")]
    [InlineData("tcp", "netlens.tcp.passive_opens")]
    [InlineData("tcp", "netlens.tcp.out_rsts")]
    [InlineData("tcp", "netlens.tcp.established")]
    [InlineData("udp", "netlens.udp.no_ports ipv4")]
    public void What_the_system_does_not_tell_is_absent(string id, string metric)
    {
        using var agent = new Collected(id);
        var words = metric.Split(' ');
        agent.Cell(agent.Snapshot.Tables.Single(), 0, words[0], words[1..]).ShouldBe(Metric.Absent);
    }

    [LinuxFact]
    public void Patterns_choose_the_devices()
    {
        using var only = new Collected("netdev", "devices", "l*");
        only.Snapshot.Tables[0].Rows.ToArray().ShouldAllBe(r => r.Tags[0].Text.StartsWith('l'));
        using var except = new Collected("netdev", "exclude", "lo");
        except.Snapshot.Tables.Where(t => t.Info.Id == "netdev").SelectMany(t => t.Rows.ToArray())
            .ShouldAllBe(r => r.Tags[0].Text != "lo");
    }

    [LinuxFact]
    public void The_machine_as_a_whole_leaves_loopback_out()
    {
        var before = Links();
        using var agent = new Collected("netdev");
        var after = Links();
        var table = agent.Snapshot.Tables.Single(t => t.Info.Id == "netdev.total");
        var total = agent.Value(table, table.Rows[0], "netlens.netdev.io", "receive");
        var names = agent.Snapshot.Tables.Single(t => t.Info.Id == "netdev").Rows.ToArray()
            .Where(r => r.Tags[1].Text is not ("loopback" or "tunnel")).Select(r => r.Tags[0].Text)
            .Where(n => before.ContainsKey(n) && after.ContainsKey(n)).ToList();
        total.ShouldBeGreaterThanOrEqualTo(names.Sum(n => before[n]["rx.bytes"]));
        names.ShouldNotContain("lo");
    }

    private static ProbeInfo InfoOf(string id) => AllProbes.List.Single(p => p.Info.Id == id).Info;

    private static long Nstat(string counter)
    {
        using var json = JsonDocument.Parse(Run("nstat", "-z", "-a", "-s", "-j", counter));
        return json.RootElement.GetProperty("kernel").GetProperty(counter).GetInt64();
    }

    private static Dictionary<string, Dictionary<string, long>> Links()
    {
        using var json = JsonDocument.Parse(Run("ip", "-s", "-j", "link"));
        return json.RootElement.EnumerateArray().ToDictionary(
            link => link.GetProperty("ifname").GetString()!,
            link => link.GetProperty("stats64").EnumerateObject().SelectMany(
                side => side.Value.EnumerateObject()
                    .Select(f => (Key: $"{side.Name}.{f.Name}", Value: f.Value.GetInt64())))
                .ToDictionary(f => f.Key, f => f.Value));
    }

    private static string Run(string file, params string[] args)
    {
        var start = new ProcessStartInfo(file, args) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    /// <summary>A portable probe after one collection.</summary>
    private sealed class Collected : IDisposable
    {
        private readonly Probe _probe;

        public Collected(string id, string? option = null, string value = "")
        {
            var info = InfoOf(id);
            _probe = PortableProbes.Create(info, option is null ? new(info) : ProbeSettings.Of(info, (option, value)), Machine);
            var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System)
            {
                OnReadFailed = (_, reason) => Failures.Add(reason),
            };
            _probe.Start();
            builder.Begin();
            builder.Enter(id);
            _probe.Collect(builder);
            Snapshot = builder.Publish();
        }

        public Snapshot Snapshot { get; }

        public List<string> Failures { get; } = [];

        public long Value(SnapshotTable table, Row row, string name, params string[] tags)
        {
            var value = Cell(table, table.Rows.IndexOf(row), name, tags);
            value.ShouldNotBe(Metric.Absent, $"{name} is absent");
            return value;
        }

        public long Cell(SnapshotTable table, int row, string name, params string[] tags) =>
            table.Column(table.Info.Metrics.Single(m =>
                m.Name == name && m.Tags.Select(t => t.Value.Text).Order().SequenceEqual(tags.Order())))[row];

        public void Dispose() => _probe.Dispose();
    }
}
