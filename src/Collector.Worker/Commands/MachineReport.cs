using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Pods;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;

namespace Collector.Worker.Commands;

/// <summary>What the machine and our rights on it are, as far as probes depend on them.</summary>
/// <param name="Facts">Name and value, in the order of printing.</param>
/// <param name="Problems">What keeps numbers from us, one line each with the remedy.</param>
internal sealed record MachineReport(IReadOnlyList<KeyValuePair<string, string>> Facts, IReadOnlyList<string> Problems)
{
    /// <summary>Capabilities that probes use: bit (include/uapi/linux/capability.h), name, what for.</summary>
    private static readonly (int Bit, string Name, string Why)[] Capabilities =
    [
        (21, "CAP_SYS_ADMIN", "to enter other network namespaces (netlink probes there)"),
        (19, "CAP_SYS_PTRACE", "to see the namespaces, io and files of other users' processes"),
        (2, "CAP_DAC_READ_SEARCH", "to read files of other users (slabinfo, /proc/PID/io)"),
        (12, "CAP_NET_ADMIN", "for conntrack statistics"),
        (39, "CAP_BPF", "to load eBPF programs (CAP_SYS_ADMIN before Linux 5.8)"),
        (38, "CAP_PERFMON", "to attach eBPF programs to tracepoints (CAP_SYS_ADMIN before Linux 5.8)"),
        (34, "CAP_SYSLOG", "to name the kernel functions of drops and stacks"),
    ];

    public static MachineReport Read(PathOptions paths, PodOptions pods)
    {
        var facts = new List<KeyValuePair<string, string>>
        {
            new("system", RuntimeInformation.OSDescription),
            new("architecture", RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()),
            new("runtime", RuntimeInformation.FrameworkDescription),
            new("user", User()),
        };
        var problems = new List<string>();
        if (OperatingSystem.IsLinux())
            AddLinux(paths, pods, facts, problems);
        return new(facts, problems);
    }

    // An image made from scratch may have no /etc/passwd.
    private static string User()
    {
        try
        {
            return Environment.UserName;
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    private static void AddLinux(
        PathOptions paths, PodOptions pods, List<KeyValuePair<string, string>> facts, List<string> problems)
    {
        using var node = NodeFactory.Create(paths, pods: pods);
        var (runtime, trouble) = RuntimeOf(node);
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        node.Refresh(builder);
        facts.Add(new("network namespaces", node.NamespaceCount.ToString()));
        facts.Add(new("container runtime", runtime));
        if (trouble is not null)
            problems.Add(trouble);
        if (node.UnreadableNamespaces > 0)
            problems.Add(
                $"{node.UnreadableNamespaces} network namespaces cannot be opened (CAP_SYS_PTRACE, descriptor limit)");
        var effective = EffectiveCapabilities();
        var held = Capabilities.Where(c => (effective >> c.Bit & 1) != 0).Select(c => c.Name).ToArray();
        facts.Add(new("capabilities", held.Length > 0 ? string.Join(' ', held) : "none of those that probes use"));
        foreach (var missing in Capabilities.Where(c => (effective >> c.Bit & 1) == 0))
            problems.Add($"{missing.Name} is missing: needed {missing.Why}");
        facts.Add(new("file descriptors", LimitOfFiles()));
    }

    /// <summary>Which runtime names the pods; what is wrong where one is there and does not answer.</summary>
    private static (string Runtime, string? Trouble) RuntimeOf(INode node)
    {
        string? trouble = null;
        node.StartPods((warning, text) => trouble = warning ? text : null);
        if (!node.AwaitPods(Session.FirstPods))
            trouble = "the container runtime does not answer: pods have no names";
        var runtime = (node as LinuxNode)?.Host.PodRuntime;
        return (runtime ?? (trouble is null ? "none found: no names of pods" : "no answer"), trouble);
    }

    private static ulong EffectiveCapabilities()
    {
        var line = File.ReadLines("/proc/self/status")
            .FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return line is null
            ? 0
            : ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    private static string LimitOfFiles() =>
        FileLimit() is { } limit ? $"{limit} (about 10 per network namespace are used)" : "unknown";

    /// <summary>The soft limit of open files; null where there is none or nobody says.</summary>
    public static long? FileLimit()
    {
        // "Max open files            20000                20000                files"
        if (!File.Exists("/proc/self/limits"))
            return null;
        var line = File.ReadLines("/proc/self/limits")
            .FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is { Length: > 3 } && long.TryParse(words[3], CultureInfo.InvariantCulture, out var limit)
            ? limit
            : null;
    }
}
