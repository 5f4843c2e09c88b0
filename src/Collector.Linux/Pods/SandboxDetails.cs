using System.Net;
using System.Text.Json;
using Collector.Linux.Pods.Cri;

namespace Collector.Linux.Pods;

/// <summary>
/// What only the verbose status of a sandbox tells. Runtimes fill it as they like: everything may be missing.
/// </summary>
/// <param name="HostNetwork">It uses the node's network namespace.</param>
/// <param name="NetnsPath">Mount of its network namespace; empty where not told.</param>
/// <param name="Pid">Its process; 0 where not told.</param>
/// <param name="Addresses">Its IPs; what is no address is left out.</param>
internal sealed record SandboxDetails(
    bool HostNetwork, string NetnsPath, int Pid, IReadOnlyList<IPAddress> Addresses)
{
    /// <summary>True when there is something to find the namespace by.</summary>
    public bool IsEnough => HostNetwork || NetnsPath.Length > 0 || Pid > 0;

    public static SandboxDetails Of(PodSandboxStatusResponse response)
    {
        var status = response.Status;
        var host = status?.Linux?.Namespaces?.Options?.Network == NamespaceMode.Node;
        var (path, pid) = response.Info.TryGetValue("info", out var text) ? OfInfo(text) : ("", 0);
        IEnumerable<string> addresses = status?.Network is { } network
            ? [network.Ip, .. network.AdditionalIps.Select(a => a.Ip)]
            : [];
        return new(host, host ? "" : path, pid, [.. addresses.Select(Address).OfType<IPAddress>()]);
    }

    /// <summary>The process in a verbose status of a container.</summary>
    public static int PidOf(ContainerStatusResponse response) =>
        response.Info.TryGetValue("info", out var text) ? OfInfo(text).Pid : 0;

    // {"pid":178,"runtimeSpec":{"linux":{"namespaces":[{"type":"network","path":"/var/run/netns/cni-..."}]}}}
    private static (string Path, int Pid) OfInfo(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var pid = Find(json.RootElement, "pid") is { ValueKind: JsonValueKind.Number } number
                && number.TryGetInt32(out var value) && value > 0 ? value : 0;
            var namespaces = Find(json.RootElement, "runtimeSpec", "linux", "namespaces");
            if (namespaces is not { ValueKind: JsonValueKind.Array } list)
                return ("", pid);
            foreach (var ns in list.EnumerateArray())
            {
                if (Text(ns, "type") == "network" && Text(ns, "path") is { } path && path.StartsWith('/'))
                    return (PodTable.Normal(path), pid);
            }
            return ("", pid);
        }
        catch (JsonException)
        {
            return ("", 0);
        }
    }

    private static JsonElement? Find(JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                return null;
        }
        return element;
    }

    private static string? Text(JsonElement element, string name) =>
        Find(element, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static IPAddress? Address(string text) =>
        IPAddress.TryParse(text, out var address)
            ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address
            : null;
}
