using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>resource</c>.</summary>
internal static class ResourceKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("resource.nodeName", Word, "The node's name, k8s.node.name. Unset: the host name.",
            o => o.Resource.NodeName, (o, v) => o with { Resource = o.Resource with { NodeName = (string?)v } })
        {
            Variable = "NODE_NAME",
            OldVariable = "INSPECTOR_NODENAME",
            Example = "node-1",
        },
        new MapKey("resource.attributes", "Further resource attributes, all text.",
            o => o.Resource.Attributes, (o, v) => o with { Resource = o.Resource with { Attributes = v } })
        {
            NameCheck = TextChecks.AttributeName,
            ValueCheck = TextChecks.Printable,
            Entries = "a map of attribute names to texts",
            StandardVariables = ["OTEL_RESOURCE_ATTRIBUTES"],
            Example = "{deployment.environment.name: production}",
        },
    ];
}
