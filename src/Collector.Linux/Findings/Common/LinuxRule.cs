using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Common;

/// <summary>A rule about a Linux node: what it may ask beside the window.</summary>
internal abstract class LinuxRule(FindingInfo info, ProbeHost host, FindingSettings? own = null)
    : FindingRule(info, own)
{
    protected ProbeHost Host => host;

    /// <inheritdoc cref="NamespaceFiles.HandleOf"/>
    protected NamespaceHandle? HandleOf(Subject? subject) => NamespaceFiles.HandleOf(host, subject);

    /// <summary>A name as a shell takes it: devices and mounts are called as any user likes.</summary>
    protected static string Quote(string name) =>
        name.Length > 0 && name[0] != '-' && name.All(static c => char.IsAsciiLetterOrDigit(c) || "._-:@/".Contains(c))
            ? name
            : $"'{name.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>
    /// The value of a setting in the subject's namespace, as <c>sysctl -n</c> prints it; empty where it cannot be read.
    /// </summary>
    protected string Sysctl(Subject? subject, string name) => string.Join(' ',
        NamespaceFiles.Read(host, subject, $"sys/{name.Replace('.', '/')}")
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The same as a number; null where it is none.</summary>
    protected long? SysctlNumber(Subject? subject, string name) =>
        long.TryParse(Sysctl(subject, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    /// <summary>A setting to change in the subject's namespace.</summary>
    protected Knob SysctlKnob(Subject? subject, string name, string suggested) => new(
        name, Sysctl(subject, name), suggested,
        subject is null or { IsHost: true } ? "the node" : "its network namespace");

    /// <summary>The command as it is to be typed on the node to run inside the subject's namespace.</summary>
    protected string Inside(Subject? subject, string command) => HandleOf(subject) switch
    {
        null or { Namespace.IsHost: true } => command,
        { MountPath: { } path } when path.StartsWith("/run/netns/", StringComparison.Ordinal)
            || path.StartsWith("/var/run/netns/", StringComparison.Ordinal) =>
            $"ip netns exec {Quote(Path.GetFileName(path))} {command}",
        { Pid: > 0 } ns => $"nsenter --net=/proc/{ns.Pid}/ns/net {command}",
        { MountPath: { } path } => $"nsenter --net={Quote(path)} {command}",
        _ => command,
    };

    /// <summary>The text of an event's field; empty where the kernel did not give it.</summary>
    protected static string Field(NetworkEvent e, string key) => e.Field(key)?.Text ?? "";

    /// <summary>The number of an event's field; null where the kernel did not give it.</summary>
    protected static long? Number(NetworkEvent e, string key) =>
        e.Field(key) is { IsNumber: true } value ? value.Number : null;

    /// <summary>Growth summed over all of these.</summary>
    protected static long Growth(SubjectWindow window, params ReadOnlySpan<Metric> metrics)
    {
        var sum = 0L;
        foreach (var metric in metrics)
            sum += window.Growth(metric);
        return sum;
    }
}
