using System.Globalization;

namespace Collector.Worker.Commands;

/// <summary>The capabilities that probes use, who holds them, and what grants them.</summary>
internal static class ProbeCapabilities
{
    /// <param name="Bit">As in include/uapi/linux/capability.h.</param>
    /// <param name="Name">The kernel's name.</param>
    /// <param name="Why">What cannot be done without it.</param>
    public sealed record Capability(int Bit, string Name, string Why)
    {
        /// <summary>CAP_SYS_ADMIN stands for it as well (bpf_capable, include/linux/capability.h).</summary>
        public bool InSysAdmin { get; init; }

        /// <summary>The lines of a systemd unit that grant it, as packaging/systemd/netlens.service has them.</summary>
        public string UnitLines => $"AmbientCapabilities={Name} and CapabilityBoundingSet={Name}";
    }

    public static IReadOnlyList<Capability> All { get; } =
    [
        new(21, "CAP_SYS_ADMIN", "to enter other network namespaces (netlink probes there)"),
        new(19, "CAP_SYS_PTRACE", "to see the namespaces, io and files of other users' processes"),
        new(2, "CAP_DAC_READ_SEARCH", "to read files of other users (slabinfo, /proc/PID/io)"),
        new(12, "CAP_NET_ADMIN", "for conntrack statistics, and UDP of the probe flow"),
        new(39, "CAP_BPF", "to load eBPF programs (CAP_SYS_ADMIN before Linux 5.8)") { InSysAdmin = true },
        new(38, "CAP_PERFMON", "to attach eBPF programs to tracepoints (CAP_SYS_ADMIN before Linux 5.8)")
        {
            InSysAdmin = true,
        },
        new(34, "CAP_SYSLOG", "to name the kernel functions of drops and stacks"),
    ];

    /// <summary>Those that somebody lacks who has the given ones.</summary>
    public static IEnumerable<Capability> MissingFrom(IReadOnlyList<Capability> held)
    {
        var admin = held.Any(c => c.Name == "CAP_SYS_ADMIN");
        return All.Where(c => !held.Contains(c) && !(admin && c.InSysAdmin));
    }

    /// <summary>
    /// True in a user namespace of its own: what a process may do there it may not do to the node.
    /// </summary>
    /// <param name="process">Its folder in procfs.</param>
    public static bool IsConfined(string process)
    {
        try
        {
            // "         0          0 4294967295": all users as they are.
            return File.ReadLines($"{process}/uid_map").FirstOrDefault() is { } line
                && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not ["0", "0", "4294967295"];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Those that a process has; null when it cannot be asked.</summary>
    /// <param name="process">Its folder in procfs.</param>
    public static IReadOnlyList<Capability>? HeldBy(string process)
    {
        try
        {
            var line = File.ReadLines($"{process}/status")
                .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
            if (line is null)
                return null;
            var set = ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return [.. All.Where(c => (set >> c.Bit & 1) != 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The main process of the running netlens.service: who asks is root and lacks nothing.</summary>
    /// <param name="sys">Where sysfs is.</param>
    /// <returns>Its id; null where there is none.</returns>
    public static string? Service(string sys)
    {
        foreach (var hierarchy in (string[])["", "/systemd", "/unified"])
        {
            try
            {
                var group = $"{sys}/fs/cgroup{hierarchy}/system.slice/netlens.service/cgroup.procs";
                if (File.Exists(group) && File.ReadLines(group).FirstOrDefault() is { } id)
                    return id;
            }
            catch (IOException)
            {
                // It stopped between the two.
            }
        }
        return null;
    }
}
