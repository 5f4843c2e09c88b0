namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of connection tracking and IPVS.</summary>
internal static class TableNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InBoth("conntrack",
            ("netlens.conntrack.entry.count", "entries"),
            ("netlens.conntrack.entry.limit", "maxentries"),
            ("netlens.conntrack.found", "found"),
            ("netlens.conntrack.invalid", "invalid"),
            ("netlens.conntrack.ignore", "ignore"),
            ("netlens.conntrack.insert", "insert"),
            ("netlens.conntrack.insert_failed", "insertfailed"),
            ("netlens.conntrack.drop", "drop"),
            ("netlens.conntrack.early_drop", "earlydrop"),
            ("netlens.conntrack.error", "error"),
            ("netlens.conntrack.search_restart", "searchrestart")),
        .. LegacyName.InBoth("ipvs",
            ("netlens.ipvs.connections", "connections"),
            ("netlens.ipvs.packets receive", "incomingpackets"),
            ("netlens.ipvs.packets transmit", "outgoingpackets"),
            ("netlens.ipvs.io receive", "incomingbytes"),
            ("netlens.ipvs.io transmit", "outgoingbytes")),
    ];
}
