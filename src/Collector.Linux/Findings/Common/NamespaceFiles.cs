using System.Text;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Common;

/// <summary>What a rule reads of a subject's network namespace beside the figures.</summary>
internal static class NamespaceFiles
{
    /// <summary>The namespace of a subject; the node's own for the node. Null: it is gone.</summary>
    public static NamespaceHandle? HandleOf(ProbeHost host, Subject? subject) =>
        subject is null || subject.IsHost || subject.HostNetwork
            ? host.Namespaces.Host
            : host.Namespaces.Find(subject.Inode) is { } ns && (subject is not NetNamespace || ns.Namespace == subject)
                ? ns
                : null;

    /// <summary>A file below /proc as the subject sees it; empty where it cannot be read.</summary>
    public static string Read(ProbeHost host, Subject? subject, string path)
    {
        try
        {
            if (HandleOf(host, subject) is not { } ns)
                return "";
            using var file = ns.OpenFile(path);
            return host.Buffer.TryRead(file, out var content, out _) ? Encoding.ASCII.GetString(content) : "";
        }
        catch (LinuxException)
        {
            return "";
        }
    }
}
