using System.IO.Enumeration;
using System.Net.NetworkInformation;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Links;

namespace Collector.Worker.Portable;

/// <summary>Traffic of every network interface that the system binds IP to, and of the machine as a whole.</summary>
/// <remarks>
/// An interface is told apart by its id (on Windows a GUID), so that one that is renamed goes on counting. The whole
/// leaves out loopback and tunnels, and goes on when an interface is removed. Windows counts packets by unicast and
/// other, Linux together; both are reported together.
/// </remarks>
internal sealed class PortableNetdev : Probe
{
    private const int Sums = 8;

    private readonly NetNamespace _ns;
    private readonly TableInfo _devices;
    private readonly TableInfo _total;
    private readonly IReadOnlyList<string> _only;
    private readonly IReadOnlyList<string> _exclude;
    private readonly StatisticsMap<IPInterfaceStatistics> _map;
    private readonly Metric[] _whole;
    private readonly Metric _up;
    private readonly long[] _sums = new long[Sums];
    private readonly Dictionary<string, Device> _known = [];
    private readonly Row _totalRow;

    public PortableNetdev(ProbeInfo info, ProbeSettings settings, NetNamespace machine) : base(info)
    {
        _ns = machine;
        _devices = info.Tables.Single(t => t.Id == "netdev");
        _total = info.Tables.Single(t => t.Id == "netdev.total");
        _only = settings.Get(Netdev.Devices);
        _exclude = settings.Get(Netdev.Exclude);
        _up = Find(_devices, "netlens.netdev.up", null);
        _whole = [.. Whole.Select(w => Find(_total, $"netlens.netdev.{w.Name}", w.Direction))];
        _map = new StatisticsMap<IPInterfaceStatistics>(_devices);
        foreach (var (name, direction, read) in Whole)
            _map.Add(read, $"system.network.{name}", direction);
        _totalRow = new Row(_total, machine, machine.StartTime);
    }

    private static readonly (string Name, string Direction, Func<IPInterfaceStatistics, long> Read)[] Whole =
    [
        ("io", "receive", static s => s.BytesReceived),
        ("io", "transmit", static s => s.BytesSent),
        ("packet.count", "receive", PacketsReceived),
        ("packet.count", "transmit", PacketsSent),
        ("errors", "receive", static s => s.IncomingPacketsWithErrors),
        ("errors", "transmit", static s => s.OutgoingPacketsWithErrors),
        ("packet.dropped", "receive", static s => s.IncomingPacketsDiscarded),
        ("packet.dropped", "transmit", static s => s.OutgoingPacketsDiscarded),
    ];

    public override void Collect(SnapshotBuilder snapshot)
    {
        NetworkInterface[] interfaces;
        try
        {
            interfaces = NetworkInterface.GetAllNetworkInterfaces();
        }
        catch (NetworkInformationException)
        {
            snapshot.ReadFailed("system");
            return;
        }
        foreach (var nic in interfaces)
            Collect(nic, snapshot);
        var whole = snapshot.Append(_totalRow);
        for (var i = 0; i < Sums; i++)
            whole.Set(_whole[i], _sums[i]);
        DropGone(snapshot.Tick);
    }

    private void Collect(NetworkInterface nic, SnapshotBuilder snapshot)
    {
        IPInterfaceStatistics statistics;
        try
        {
            statistics = nic.GetIPStatistics();
        }
        catch (NetworkInformationException)
        {
            // Removed since the list was made.
            return;
        }
        var device = DeviceOf(nic, snapshot);
        device.Tick = snapshot.Tick;
        if (Counts(nic))
            AddGrowth(device, statistics, snapshot);
        if (device.Row is not { } known)
            return;
        var row = snapshot.Append(known);
        _map.Write(row, statistics, snapshot);
        row.Set(_up, nic.OperationalStatus == OperationalStatus.Up ? 1 : 0);
    }

    private void AddGrowth(Device device, IPInterfaceStatistics statistics, SnapshotBuilder snapshot)
    {
        for (var i = 0; i < Sums; i++)
        {
            long now;
            try
            {
                now = Whole[i].Read(statistics);
            }
            catch (Exception e) when (e is PlatformNotSupportedException or NetworkInformationException)
            {
                snapshot.ReadFailed("system");
                continue;
            }
            _sums[i] += Math.Max(0, now - device.Counted[i]);
            device.Counted[i] = now;
        }
    }

    private Device DeviceOf(NetworkInterface nic, SnapshotBuilder snapshot)
    {
        if (!_known.TryGetValue(nic.Id, out var device))
            _known.Add(nic.Id, device = new Device { Start = snapshot.StartTimeOfNew(_ns.StartTime) });
        if (device.Name != nic.Name)
        {
            device.Name = nic.Name;
            device.Row = Wanted(nic.Name) ? new Row(_devices, _ns, device.Start, nic.Name, KindOf(nic)) : null;
        }
        return device;
    }

    private void DropGone(long tick)
    {
        foreach (var (id, device) in _known)
        {
            if (device.Tick != tick)
                _known.Remove(id);
        }
    }

    private bool Wanted(string name) => (_only.Count == 0 || Matches(_only, name)) && !Matches(_exclude, name);

    private static bool Matches(IReadOnlyList<string> patterns, string name) =>
        patterns.Any(p => FileSystemName.MatchesSimpleExpression(p, name, ignoreCase: false));

    private static bool Counts(NetworkInterface nic) =>
        nic.NetworkInterfaceType is not (NetworkInterfaceType.Loopback or NetworkInterfaceType.Tunnel);

    // The word the Linux probe has for it; the base library knows no bridges and no bonds.
    private static string KindOf(NetworkInterface nic) => nic.NetworkInterfaceType switch
    {
        NetworkInterfaceType.Loopback => "loopback",
        NetworkInterfaceType.Tunnel => "tunnel",
        NetworkInterfaceType.Ppp => "ppp",
        _ => "physical",
    };

    // On Linux "unicast" has all packets and the other property a part of them (multicast of /proc/net/dev).
    private static long PacketsReceived(IPInterfaceStatistics statistics) =>
        statistics.UnicastPacketsReceived + (OperatingSystem.IsWindows() ? statistics.NonUnicastPacketsReceived : 0);

    private static long PacketsSent(IPInterfaceStatistics statistics) =>
        statistics.UnicastPacketsSent + (OperatingSystem.IsWindows() ? statistics.NonUnicastPacketsSent : 0);

    private static Metric Find(TableInfo table, string name, string? direction) => table.Metrics.Single(m =>
        m.Name == name && (direction is null || m.Tags.Any(t => t.Value.Text == direction)));

    private sealed class Device
    {
        public readonly long[] Counted = new long[Sums];
        public long Start;
        public long Tick;
        public string? Name;
        public Row? Row;
    }
}
