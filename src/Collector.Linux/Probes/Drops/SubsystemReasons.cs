using System.Collections.Concurrent;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// The drop reasons of what is not the kernel's core, each subsystem's in an enum of its own: among the kernel's types,
/// or, where a module defines them, among the module's. Thread-safe.
/// </summary>
internal sealed class SubsystemReasons
{
    /// <summary>Enum, and the module that may have it; the kernel itself has it where that is built in.</summary>
    private static readonly (string Enum, string Subsystem, string? Module)[] Places =
    [
        ("qdisc_drop_reason", "QDISC", null),
        ("mac80211_drop_reason", "MAC80211_UNUSABLE", "mac80211"),
        ("ovs_drop_reason", "OPENVSWITCH", "openvswitch"),
    ];

    private readonly ConcurrentDictionary<uint, string> _names = [];
    private readonly Dictionary<int, string> _subsystems;
    private readonly HashSet<int> _asked = [];
    private readonly Func<string, string, Dictionary<int, string>?> _moduleEnum;

    /// <param name="kernel">The kernel's types; not kept.</param>
    /// <param name="moduleEnum">
    /// The enumerators of a loaded module's enum, by module and name; asked once for a subsystem that reasons come of:
    /// its module is loaded by then.
    /// </param>
    public SubsystemReasons(Btf? kernel, Func<string, string, Dictionary<int, string>?> moduleEnum)
    {
        _moduleEnum = moduleEnum;
        _subsystems = kernel?.Enum("skb_drop_reason_subsys", "SKB_DROP_REASON_SUBSYS_") ?? [];
        foreach (var place in Places)
            Learn(kernel?.Enum(place.Enum, ""));
    }

    /// <summary>Those known by now.</summary>
    public IEnumerable<KeyValuePair<uint, string>> Known => _names;

    /// <summary>The subsystem of a reason; null where the kernel names none.</summary>
    public string? Subsystem(uint reason) =>
        _subsystems.GetValueOrDefault((int)(reason >> DropReasons.SubsystemShift));

    /// <summary>The name of a reason; null where nobody has one.</summary>
    public string? Name(uint reason)
    {
        if (_names.TryGetValue(reason, out var name))
            return name;
        AskModule((int)(reason >> DropReasons.SubsystemShift));
        return _names.GetValueOrDefault(reason);
    }

    private void AskModule(int subsystem)
    {
        lock (_asked)
        {
            if (!_subsystems.TryGetValue(subsystem, out var its) || !_asked.Add(subsystem))
                return;
            foreach (var place in Places.Where(p => p.Subsystem == its && p.Module is not null))
                Learn(_moduleEnum(place.Module!, place.Enum));
        }
    }

    private void Learn(Dictionary<int, string>? names)
    {
        foreach (var (number, name) in names ?? [])
        {
            // Those of the core that the enum begins with are no drops.
            if ((uint)number >> DropReasons.SubsystemShift != 0)
                _names.TryAdd((uint)number, Shorten(name));
        }
    }

    // Until Linux 7 reasons of qdiscs were among the core's: QDISC_OVERLIMIT, and QDISC_DROP in general.
    private static string Shorten(string name) => name switch
    {
        "QDISC_DROP_GENERIC" => "QDISC_DROP",
        _ when name.StartsWith("QDISC_DROP_", StringComparison.Ordinal) => $"QDISC_{name["QDISC_DROP_".Length..]}",
        _ => name.TrimStart('_'),
    };
}
