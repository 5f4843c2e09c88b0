using System.Globalization;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// The drop reasons of the running kernel (enum skb_drop_reason, since 5.17; its numbers differ from kernel to kernel)
/// and what the configuration wants done with them. Thread-safe.
/// </summary>
internal sealed class DropReasons
{
    /// <summary>Number that packetloss.bpf.c gives to drops for which a map had no room.</summary>
    public const uint Other = uint.MaxValue;

    /// <summary>Bits of a reason below the number of its subsystem.</summary>
    public const int SubsystemShift = 16;

    private readonly Dictionary<int, string> _core;
    private readonly SubsystemReasons _subsystems;
    private readonly uint _unspecified;

    /// <param name="btf">The kernel's types; not kept.</param>
    /// <param name="moduleEnum">An enum of a loaded module's.</param>
    public DropReasons(Btf? btf, Func<string, string, Dictionary<int, string>?> moduleEnum)
    {
        _core = btf?.Enum("skb_drop_reason", "SKB_DROP_REASON_") ?? [];
        _unspecified = (uint)_core.FirstOrDefault(n => n.Value == "NOT_SPECIFIED").Key;
        _subsystems = new SubsystemReasons(btf, moduleEnum);
    }

    /// <summary>Its name; for one that nobody names its subsystem and number, <c>OPENVSWITCH_5</c>.</summary>
    public string Name(uint reason)
    {
        if (reason == Other)
            return "_other";
        var number = (reason & ((1 << SubsystemShift) - 1)).ToString(CultureInfo.InvariantCulture);
        if (reason >> SubsystemShift == 0)
            return _core.GetValueOrDefault((int)reason) ?? $"reason_{number}";
        if (_subsystems.Name(reason) is { } name)
            return name;
        return _subsystems.Subsystem(reason) is { } its
            ? $"{its}_{number}"
            : string.Create(CultureInfo.InvariantCulture, $"subsystem_{reason >> SubsystemShift}_{number}");
    }

    /// <summary>True for a name of a reason, false for one of a function.</summary>
    public static bool IsName(string text) => text.Length > 0 && char.IsAsciiLetterUpper(text[0]);

    /// <summary>Its name; the empty text where the kernel gives none, or none in particular.</summary>
    public string Specific(uint reason) =>
        reason == 0 || reason == _unspecified ? "" : Name(reason);

    /// <summary>What the settings want done with a reason, also one whose name only its module tells.</summary>
    public DropActions Action(ProbeSettings settings, uint reason) =>
        Action(settings, Specific(reason), reason == 0 ? "" : Name(reason));

    /// <summary>What the kernel side is to do with each reason. Names that this kernel lacks change nothing.</summary>
    public DropActionTable Actions(ProbeSettings settings)
    {
        var actions = default(DropActionTable);
        // Before 5.17 all have this one.
        actions[0] = (byte)Action(settings, 0);
        foreach (var reason in _core.Keys.Select(k => (uint)k).Concat(_subsystems.Known.Select(k => k.Key)))
        {
            if (DropActionTable.IndexOf(reason) is var index and >= 0)
                actions[index] = (byte)Action(settings, reason);
        }
        return actions;
    }

    /// <summary>Names in the settings, other than the default ones, that this kernel does not have.</summary>
    public IEnumerable<string> Unknown(ProbeSettings settings)
    {
        var usual = Named(new ProbeSettings(PacketLoss.Info)).ToHashSet(StringComparer.Ordinal);
        var known = _core.Values.Concat(_subsystems.Known.Select(k => k.Value)).ToHashSet(StringComparer.Ordinal);
        return Named(settings).Where(n => !usual.Contains(n) && !known.Contains(n)).Distinct(StringComparer.Ordinal);
    }

    private static DropActions Action(ProbeSettings settings, string specific, string name)
    {
        if (settings.Get(PacketLossOptions.Ignore).Contains(name))
            return DropActions.Ignore;
        var look = DropOutcomes.NeedsLook(specific) ? DropActions.Look : DropActions.Report;
        look |= DropOutcomes.Of("", specific, DropTrait.Plain) switch
        {
            DropOutcome.Refused => DropActions.Refused,
            DropOutcome.Orderly => DropActions.Orderly,
            _ => DropActions.Report,
        };
        return settings.Get(PacketLossOptions.Silent).Contains(name) ? look | DropActions.Count : look;
    }

    private static IEnumerable<string> Named(ProbeSettings settings) =>
        settings.Get(PacketLossOptions.Ignore).Concat(settings.Get(PacketLossOptions.Silent));
}
