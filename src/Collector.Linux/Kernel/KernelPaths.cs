namespace Collector.Linux.Kernel;

/// <summary>
/// Where /proc and /sys are mounted: a host's tree seen from a container, or a recorded tree in a test.
/// </summary>
/// <param name="Proc">Mount point of procfs.</param>
/// <param name="Sys">Mount point of sysfs.</param>
/// <param name="Recorded">
/// True for a recorded tree: one namespace, whose files are in <c>Proc/net</c>; nothing is entered or listened to.
/// </param>
public sealed record KernelPaths(string Proc = "/proc", string Sys = "/sys", bool Recorded = false);
