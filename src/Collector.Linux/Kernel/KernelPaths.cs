namespace Collector.Linux.Kernel;

/// <summary>
/// Where /proc and /sys are mounted: a host's tree seen from a container, or a recorded tree in a test.
/// </summary>
/// <param name="Proc">Mount point of procfs.</param>
/// <param name="Sys">Mount point of sysfs.</param>
/// <param name="Recorded">
/// True for a recorded tree: one namespace, whose files are in <c>Proc/net</c>; nothing is entered or listened to.
/// </param>
public sealed record KernelPaths(string Proc = "/proc", string Sys = "/sys", bool Recorded = false)
{
    /// <summary>
    /// Prefix of the node's own files: the root of process 1 where that is in another mount namespace, as beside a
    /// container with hostPID or a hardened unit; else empty.
    /// </summary>
    public string NodeRoot()
    {
        if (Recorded || MountNamespace($"{Proc}/1") is not { } node || node == MountNamespace($"{Proc}/self"))
            return "";
        return Directory.Exists($"{Proc}/1/root/proc") ? $"{Proc}/1/root" : "";
    }

    // Null where we may not look: a process with more capabilities than ours.
    private static string? MountNamespace(string process)
    {
        try
        {
            return new FileInfo($"{process}/ns/mnt").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
