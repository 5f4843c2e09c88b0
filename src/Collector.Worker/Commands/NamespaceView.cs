using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Collection;

namespace Collector.Worker.Commands;

/// <summary>A namespace as <c>netlens list namespaces</c> shows it.</summary>
/// <param name="Inode">Its inode.</param>
/// <param name="Name">Its name, empty where it has none.</param>
/// <param name="IsHost">The node's own.</param>
/// <param name="Mount">The mount that keeps it, empty where none does.</param>
/// <param name="Pid">A process in it, 0 where none was looked for.</param>
/// <param name="Command">That process's command.</param>
/// <param name="Owner">Pod as namespace/name, container or systemd unit; empty where nobody is known.</param>
internal sealed record NamespaceView(
    ulong Inode, string Name, bool IsHost, string Mount, int Pid, string Command, string Owner)
{
    public static IReadOnlyList<NamespaceView> Read(INode node)
    {
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        node.Refresh(builder);
        if (node is not LinuxNode linux)
            return [.. node.Namespaces.Select(n => new NamespaceView(n.Inode, "", n.IsHost, "", 0, "", ""))];
        return [.. linux.Host.Namespaces.All.Select(h => new NamespaceView(
            h.Namespace.Inode, h.Namespace.Names.NetnsName ?? "", h.Namespace.IsHost, h.MountPath ?? "", h.Pid,
            CommandOf(linux, h.Pid), OwnerOf(h.Namespace.Names)))];
    }

    private static string OwnerOf(SubjectNames names) => names switch
    {
        { PodName: { } pod } => $"{names.PodNamespace}/{pod}",
        { PodUid: { } uid } => $"pod {uid}",
        { ContainerId: { } id } => $"container {id[..Math.Min(12, id.Length)]}",
        { Unit: { } unit } => unit,
        _ => "",
    };

    private static string CommandOf(LinuxNode node, int pid)
    {
        try
        {
            return pid == 0 ? "" : File.ReadAllText($"{node.Host.Paths.Proc}/{pid}/comm").TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public static void Print(Screen screen, IReadOnlyList<NamespaceView> rows)
    {
        var table = Output.Table("NETNS", "NAME", "OWNER", "PID", "COMMAND", "MOUNT");
        foreach (var row in rows)
        {
            table.Row(row.Inode.ToString(), row.IsHost ? "(host)" : row.Name, row.Owner,
                row.Pid == 0 ? "" : row.Pid.ToString(),
                row.Command, row.Mount);
        }
        screen.Print(table);
    }

    public static void PrintJson(IReadOnlyList<NamespaceView> rows) => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var row in rows)
        {
            json.WriteStartObject();
            json.WriteNumber("netns", row.Inode);
            json.WriteString("name", row.Name);
            json.WriteBoolean("host", row.IsHost);
            json.WriteString("owner", row.Owner);
            json.WriteString("mount", row.Mount);
            json.WriteNumber("pid", row.Pid);
            json.WriteString("command", row.Command);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });
}
