using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>
/// The lists of metric and event probes, which are one here. What KubeSkoop has and the file leaves out is switched
/// off; probes that only Netlens has keep their default.
/// </summary>
internal sealed class ProbeImport(ImportDraft draft, IReadOnlyCollection<string> known)
{
    private sealed record Wanted(YamlNode Node)
    {
        public bool Metrics { get; set; }

        public bool Events { get; set; }

        public List<string> Arguments { get; } = [];

        /// <summary>What it is called there, where that is something else.</summary>
        public SortedSet<string> Names { get; } = new(StringComparer.Ordinal);
    }

    private readonly Dictionary<string, Wanted> _wanted = [];

    /// <summary>Probes of KubeSkoop 1.x that there are here too.</summary>
    public static IReadOnlyCollection<string> Open { get; } =
    [
        "conntrack", "qdisc", "fd", "io", "ipvs", "netdev", "tcpext", "tcp", "udp", "ip", "sock", "softnet",
        "tcpsummary", "rdma", "packetloss", "tcpretrans", "tcpreset", "softirq", "virtcmdlatency",
        "biolatency", "receive", "transmit", "socketlatency", "flow",
    ];

    /// <summary>Those of ACK Net Exporter.</summary>
    public static IReadOnlyCollection<string> Legacy { get; } = [.. Open, "slab", "tcptwrcv"];

    private static readonly Dictionary<string, string[]> Renamed = new()
    {
        ["net_softirq"] = ["softirq"],
        ["virtcmdlat"] = ["virtcmdlatency"],
        ["netiftxlatency"] = ["transmit"],
        ["netiftxlat"] = ["transmit"],
        ["kernellatency"] = ["receive", "transmit"],
    };

    /// <summary>The name and the arguments of an entry of a list of probes or sinks.</summary>
    public static (string? Name, ImportMap? Arguments) Entry(YamlNode node, string list, ImportDraft draft)
    {
        // A word alone KubeSkoop 1.x refuses; what is meant is clear.
        if (node is YamlScalar { IsNull: false } word)
            return (word.Text, null);
        if (node is not YamlMapping entry)
        {
            draft.Leave(node, list, $"an entry is {node.Kind}, not a map with name and args");
            return (null, null);
        }
        var map = new ImportMap(entry, list, draft);
        var name = map.Text("name");
        var arguments = map.Take("args") is YamlMapping args
            ? new ImportMap(args, $"{list} {name?.Text}", draft, ignoreCase: true)
            : null;
        if (name is null)
            draft.Leave(node, list, "an entry has no name");
        map.LeaveRest("KubeSkoop ignores it: an entry has name and args");
        return (name?.Text, arguments);
    }

    /// <summary>Adds a list.</summary>
    public void Add(IReadOnlyList<YamlNode> list, string key, bool events)
    {
        foreach (var node in list)
        {
            var (name, arguments) = Entry(node, key, draft);
            if (name is null)
                continue;
            foreach (var id in Renamed.GetValueOrDefault(name, [name]))
            {
                if (draft.Catalogue.FirstOrDefault(p => p.Id == id && known.Contains(id)) is not { } info)
                    draft.Leave(node, $"{key} {name}", ProbeReasons.WhyNot(id));
                else if (events && info.Events.Count == 0)
                    draft.Leave(node, $"{key} {name}", "reports no single events here");
                else
                    Add(info, node, arguments, events).Names.Add(name);
            }
        }
    }

    /// <summary>Writes every probe that both have.</summary>
    public void Write()
    {
        if (_wanted.Count == 0)
            return;
        foreach (var info in draft.Catalogue.Where(p => known.Contains(p.Id)))
        {
            if (_wanted.TryGetValue(info.Id, out var wanted))
                draft.SetProbe(info.Id, Yaml(info, wanted), Was(info, wanted));
            else
                draft.SetProbe(info.Id, "false", "in neither list");
        }
    }

    private Wanted Add(ProbeInfo info, YamlNode node, ImportMap? arguments, bool events)
    {
        if (!_wanted.TryGetValue(info.Id, out var wanted))
            _wanted.Add(info.Id, wanted = new(node));
        wanted.Events |= events;
        wanted.Metrics |= !events;
        if (ProbeArguments.Of(info, arguments, draft) is { } written && !wanted.Arguments.Contains(written))
            wanted.Arguments.Add(written);
        arguments?.LeaveRest("has no equivalent");
        return wanted;
    }

    private string Yaml(ProbeInfo info, Wanted wanted)
    {
        foreach (var other in wanted.Arguments.Skip(1))
            draft.Leave(wanted.Node, info.Id, $"its two lists differ in arguments, {{{other}}} is left out");
        return wanted.Arguments is [var first, ..] ? $"{{{first}}}" : "true";
    }

    private static string Was(ProbeInfo info, Wanted wanted)
    {
        var lists = (wanted.Metrics, wanted.Events) switch
        {
            (true, true) => "metrics and events",
            (false, _) => "events; its metrics come along",
            _ => info.Events.Count > 0 ? "metrics; its events come along" : "metrics",
        };
        return wanted.Names.Remove(info.Id) && wanted.Names.Count == 0
            ? lists
            : $"{string.Join(" and ", wanted.Names)}: {lists}";
    }
}
