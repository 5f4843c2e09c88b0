using System.Globalization;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// The drop reasons of the running kernel (enum skb_drop_reason, since 5.17; its numbers differ from kernel to kernel)
/// and what the configuration wants done with them.
/// </summary>
internal sealed class DropReasons
{
    /// <summary>Number that packetloss.bpf.c gives to drops for which a map had no room.</summary>
    public const uint Other = uint.MaxValue;

    private const int SubsystemShift = 16;
    private readonly Dictionary<int, string> _names;
    private readonly Dictionary<int, string> _subsystems;
    private readonly uint _unspecified;

    public DropReasons(Btf? btf)
    {
        _names = btf?.Enum("skb_drop_reason", "SKB_DROP_REASON_") ?? [];
        _unspecified = (uint)_names.FirstOrDefault(n => n.Value == "NOT_SPECIFIED").Key;
        _subsystems = btf?.Enum("skb_drop_reason_subsys", "SKB_DROP_REASON_SUBSYS_") ?? [];
    }

    /// <summary>Its name; for those that modules define, which the core does not name, <c>OPENVSWITCH_5</c>.</summary>
    public string Name(uint reason)
    {
        if (reason == Other)
            return "_other";
        if (reason < 1 << SubsystemShift && _names.TryGetValue((int)reason, out var name))
            return name;
        var subsystem = (int)(reason >> SubsystemShift);
        var number = (reason & ((1 << SubsystemShift) - 1)).ToString(CultureInfo.InvariantCulture);
        if (subsystem == 0)
            return $"reason_{number}";
        return _subsystems.TryGetValue(subsystem, out var its)
            ? $"{its}_{number}"
            : string.Create(CultureInfo.InvariantCulture, $"subsystem_{subsystem}_{number}");
    }

    /// <summary>Its name; the empty text where the kernel gives none, or none in particular.</summary>
    public string Specific(uint reason) =>
        reason == 0 || reason == _unspecified ? "" : Name(reason);

    /// <summary>What the settings want done with each reason. Names that this kernel lacks change nothing.</summary>
    public DropActions Actions(ProbeSettings settings)
    {
        var actions = default(DropActions);
        var silent = settings.Get(PacketLossOptions.Silent);
        var ignored = settings.Get(PacketLossOptions.Ignore);
        foreach (var (number, name) in _names)
        {
            if ((uint)number >= DropActions.Length)
                continue;
            if (ignored.Contains(name))
                actions[number] = (byte)DropAction.Ignore;
            else if (silent.Contains(name))
                actions[number] = (byte)DropAction.Count;
        }
        return actions;
    }

    /// <summary>Names in the settings, other than the default ones, that this kernel does not have.</summary>
    public IEnumerable<string> Unknown(ProbeSettings settings)
    {
        var usual = Named(new ProbeSettings(PacketLoss.Info)).ToHashSet(StringComparer.Ordinal);
        return Named(settings).Where(n => !usual.Contains(n) && !_names.ContainsValue(n))
            .Distinct(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Named(ProbeSettings settings) =>
        settings.Get(PacketLossOptions.Ignore).Concat(settings.Get(PacketLossOptions.Silent));
}
