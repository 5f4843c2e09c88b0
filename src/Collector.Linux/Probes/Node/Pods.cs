using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Pods;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Node;

/// <summary>How well numbers find their pods: the calls to the container runtime, and what they came to.</summary>
internal sealed class Pods(ProbeHost host) : Probe(Info)
{
    private static readonly TagKey Method = new("rpc.method");
    private static readonly TagKey Reason = new("error.type");

    private static readonly Metric Connected = Metric.Gauge("netlens.pods.runtime.connected", Units.One,
        "1 while the container runtime answers.");

    private static readonly Metric Identities = Metric.UpDownCounter("netlens.pods.identities", "{pod}",
        "Pod sandboxes that are known, of those that the runtime lists.");

    private static readonly Metric Unresolved = Metric.UpDownCounter("netlens.pods.unresolved", "{namespace}",
        "Network namespaces that look like a pod's and have no name.");

    private static readonly Metric Resolve = NanosecondHistogram.Metric("netlens.pods.resolve.duration",
        "From the first sign of a pod (its network namespace or cgroup) to its identity.");

    private static readonly Metric Calls = Metric.Counter("netlens.pods.runtime.calls", "{call}",
        "Calls to the container runtime.");

    private static readonly Metric CallTime = Metric.Counter("netlens.pods.runtime.time", Units.Seconds,
        "How long the container runtime took to answer, summed.", scale: 1e-9);

    private static readonly Metric Failures = Metric.Counter("netlens.pods.runtime.failures", "{call}",
        "Calls to the container runtime that failed.");

    private static readonly Metric Rejected = Metric.Counter("netlens.pods.rejected", "{value}",
        "What the runtime said and was not taken as it is: a sandbox without a name or a usable status, "
            + "a second ready one of a name, a name or label with characters that Kubernetes does not allow, a label "
            + "with too many values.");

    private static readonly TableInfo Table = new(
        "pods", RowScope.Node, [], [Connected, Identities, Unresolved, Resolve]);

    private static readonly TableInfo CallTable = new("pods.calls", RowScope.Node, [Method], [Calls, CallTime]);
    private static readonly TableInfo FailureTable = new("pods.failures", RowScope.Node, [Method, Reason], [Failures]);
    private static readonly TableInfo RejectTable = new("pods.rejected", RowScope.Node, [Reason], [Rejected]);

    private static readonly Metric Address = Metric.Unnamed(InstrumentKind.Gauge, "netlens.pods.address", Units.One,
        "1 for each address of a pod that has a network of its own.");

    private static readonly TableInfo AddressTable = new("pods.address", RowScope.Node,
        [.. LegacyLabels.Tuple(LegacyLabels.NodeName, "ip", "pod_name", "pod_namespace")], [Address]);

    private static readonly Metric NodeAddress = Metric.Unnamed(
        InstrumentKind.Gauge, "netlens.pods.node_address", Units.One,
        "1 for each address of the node's own network that is global and on a device that is up.");

    private static readonly TableInfo NodeTable = new("pods.node", RowScope.Node,
        [.. LegacyLabels.Tuple(LegacyLabels.NodeName, "ip")], [NodeAddress]);

    private readonly List<Row> _addresses = [];
    private readonly List<Row> _nodeAddresses = [];
    private UInt128[] _nodeHas = [];
    private long _addressVersion = -1;
    private readonly List<KeyValuePair<string, long>> _counts = [];
    private readonly List<KeyValuePair<(string Method, string Reason), long>> _failed = [];
    private readonly Dictionary<string, Row> _calls = [];
    private readonly Dictionary<(string Method, string Reason), Row> _failures = [];
    private readonly Dictionary<string, Row> _rejected = [];
    private readonly Row _node = new(Table, null, Kernel.KernelClock.UnixNow());
    private readonly long _since = Kernel.KernelClock.UnixNow();

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "pods",
        Description = "How numbers find their pods: calls to the container runtime and what they came to.",
        Source = "the agent itself (CRI v1); rtnetlink RTM_GETADDR of the node's own namespace",
        Tables = [Table, CallTable, FailureTable, RejectTable, AddressTable, NodeTable],
    };

    public override void Collect(SnapshotBuilder snapshot)
    {
        var statistics = host.Pods.Statistics;
        var row = snapshot.Append(_node);
        row.Set(Connected, statistics.Connected ? 1 : 0);
        row.Set(Identities, Listed(host.Pods.Table));
        row.Set(Unresolved, host.Owners.Unresolved);
        statistics.ResolveDuration.Write(row, Resolve);
        statistics.Calls.CopyTo(_counts);
        foreach (var (method, count) in _counts)
        {
            if (!_calls.TryGetValue(method, out var identity))
                _calls.Add(method, identity = new Row(CallTable, null, _since, method));
            var call = snapshot.Append(identity);
            call.Set(Calls, count);
            call.Set(CallTime, statistics.CallTime[method]);
        }
        statistics.Failures.CopyTo(_failed);
        foreach (var (key, count) in _failed)
        {
            if (!_failures.TryGetValue(key, out var identity))
                _failures.Add(key, identity = new Row(FailureTable, null, _since, key.Method, key.Reason));
            snapshot.Append(identity).Set(Failures, count);
        }
        statistics.Rejected.CopyTo(_counts);
        foreach (var (reason, count) in _counts)
        {
            if (!_rejected.TryGetValue(reason, out var identity))
                _rejected.Add(reason, identity = new Row(RejectTable, null, _since, reason));
            snapshot.Append(identity).Set(Rejected, count);
        }
        FollowAddresses(host.Pods.Table);
        foreach (var address in _addresses)
            snapshot.Append(address).Set(Address, 1);
        if (!host.Paths.Recorded)
            CollectNode(snapshot);
    }

    private void CollectNode(SnapshotBuilder snapshot)
    {
        var ns = host.Namespaces.Host;
        var found = ns.Source<NodeAddresses>();
        if (!found.EnsureRead(ns, snapshot.Tick))
        {
            snapshot.ReadFailed(found.Failure);
            return;
        }
        if (found.IsCut)
            snapshot.ReadFailed("node_addresses_over_limit");
        if (!found.All.SequenceEqual(_nodeHas))
            FollowNode(found.All);
        foreach (var address in _nodeAddresses)
            snapshot.Append(address).Set(NodeAddress, 1);
    }

    private void FollowNode(ReadOnlySpan<UInt128> addresses)
    {
        _nodeHas = addresses.ToArray();
        _nodeAddresses.Clear();
        foreach (var address in addresses)
            _nodeAddresses.Add(new Row(NodeTable, null, _since, "", AddressRows.AddressText(address)));
    }

    private void FollowAddresses(PodTable table)
    {
        if (table.Version == _addressVersion)
            return;
        _addressVersion = table.Version;
        _addresses.Clear();
        foreach (var pod in table.All.Where(p => p is { HostNetwork: false, Ready: true, GoneAt: 0 }))
        {
            foreach (var address in pod.Addresses)
            {
                _addresses.Add(new Row(AddressTable, null, _since, "", address.ToString(), pod.Names.PodName ?? "",
                    pod.Names.PodNamespace ?? ""));
            }
        }
    }

    private static int Listed(PodTable table)
    {
        var count = 0;
        for (var i = 0; i < table.All.Count; i++)
        {
            if (table.All[i].GoneAt == 0)
                count++;
        }
        return count;
    }
}
