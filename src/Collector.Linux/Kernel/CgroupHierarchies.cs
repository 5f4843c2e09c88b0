namespace Collector.Linux.Kernel;

/// <summary>Where the hierarchies of cgroups are mounted, as the node sees them.</summary>
internal static class CgroupHierarchies
{
    /// <summary>That of version 2, also beside those of version 1; null where there is none.</summary>
    public static string? Unified(KernelPaths paths) => Mounts(paths)
        .SelectMany(mount => new[] { mount, $"{mount}/unified" })
        .FirstOrDefault(folder => File.Exists($"{folder}/cgroup.controllers"));

    /// <summary>
    /// The root of version 2's, which every socket is below; null where it is not in sight, as from a container that
    /// has a hierarchy of its own.
    /// </summary>
    public static string? Root(KernelPaths paths) =>
        // Every cgroup but the root has that file.
        Unified(paths) is { } folder && !File.Exists($"{folder}/cgroup.events") ? folder : null;

    /// <summary>That of a controller in version 1; null where it is version 2's, or nobody's.</summary>
    /// <param name="paths">Where /sys is.</param>
    /// <param name="names">What the mount is called: the controller, or several that share it.</param>
    public static string? Version1(KernelPaths paths, params string[] names) => Mounts(paths)
        .SelectMany(mount => names.Select(name => $"{mount}/{name}"))
        .FirstOrDefault(folder => File.Exists($"{folder}/cgroup.procs"));

    /// <summary>That by which the kernel schedules, of either version; null where there is none.</summary>
    public static string? Cpu(KernelPaths paths) => CpuOfVersion1(paths) ?? Unified(paths);

    /// <summary>That which has CPU quotas in version 1; null where it is version 2's, or nobody's.</summary>
    public static string? CpuOfVersion1(KernelPaths paths) => Version1(paths, "cpu", "cpu,cpuacct", "cpuacct,cpu");

    // A container may see no more than its own part.
    private static IEnumerable<string> Mounts(KernelPaths paths)
    {
        if (paths.Recorded)
            return [];
        string[] trees = paths.NodeRoot() is { Length: > 0 } node ? [$"{node}/sys", paths.Sys] : [paths.Sys];
        return trees.Select(sys => $"{sys}/fs/cgroup");
    }
}
