using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Pods;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;

namespace Collector.Worker.Commands;

/// <summary>What the machine and our rights on it are, as far as probes depend on them.</summary>
/// <param name="Facts">Name and value, in the order of printing.</param>
/// <param name="Problems">What keeps numbers from us, one line each with the remedy.</param>
internal sealed record MachineReport(IReadOnlyList<KeyValuePair<string, string>> Facts, IReadOnlyList<string> Problems)
{
    /// <summary>The same in few lines, without the remedies: for a screen.</summary>
    public IReadOnlyList<string> Brief { get; init; } = Problems;

    public static MachineReport Read(AgentOptions options)
    {
        var facts = new List<KeyValuePair<string, string>>
        {
            new("system", RuntimeInformation.OSDescription),
            new("architecture", RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()),
            new("runtime", RuntimeInformation.FrameworkDescription),
            new("user", User()),
        };
        var problems = new List<string>();
        if (!OperatingSystem.IsLinux())
            return new(facts, problems);
        AddLinux(options, facts, problems);
        var brief = problems.ToList();
        AddCapabilities(options.Paths, facts, problems, brief);
        facts.Add(new("file descriptors", LimitOfFiles()));
        return new(facts, problems) { Brief = brief };
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
        AgentOptions options, List<KeyValuePair<string, string>> facts, List<string> problems)
    {
        using var node = NodeFactory.Create(options.Paths, pods: options.Pods, limits: options.Limits);
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
        problems.AddRange(node.Limits.Where(l => l.LeftOut > 0).Select(l => l.ToString()));
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

    private static void AddCapabilities(
        PathOptions paths, List<KeyValuePair<string, string>> facts, List<string> problems, List<string> brief)
    {
        var held = ProbeCapabilities.HeldBy("/proc/self") ?? [];
        facts.Add(new("capabilities", held.Count > 0
            ? string.Join(' ', held.Select(c => c.Name))
            : "none of those that probes use"));
        if (ProbeCapabilities.IsConfined("/proc/self"))
        {
            facts.Add(new("user namespace", "its own"));
            problems.Add("this is a user namespace: its capabilities do not count outside it, so that eBPF, other "
                + "network namespaces and other users' processes are refused (EPERM); start netlens outside it");
            brief.Add(problems[^1]);
        }
        var missed = ProbeCapabilities.MissingFrom(held).ToArray();
        foreach (var missing in missed)
            problems.Add($"{missing.Name} is missing: needed {missing.Why}; in netlens.service: {missing.UnitLines}");
        AddBrief(brief, "missing here", missed);
        if (ProbeCapabilities.Service(paths.Sys) is not { } service)
            return;
        facts.Add(new("netlens.service", $"process {service}"));
        var its = ProbeCapabilities.HeldBy($"{paths.Proc}/{service}") ?? ProbeCapabilities.All;
        missed = [.. ProbeCapabilities.MissingFrom(its)];
        foreach (var missing in missed)
        {
            problems.Add($"the running netlens.service lacks {missing.Name}: needed {missing.Why}; "
                + $"in the unit: {missing.UnitLines}");
        }
        AddBrief(brief, "the running netlens.service lacks", missed);
    }

    private static void AddBrief(List<string> brief, string what, ProbeCapabilities.Capability[] missed)
    {
        if (missed.Length > 0)
            brief.Add($"{what}: {string.Join(' ', missed.Select(m => m.Name))}; --verbose says what for");
    }

    private static string LimitOfFiles() =>
        OpenFiles.Limit is { } limit ? $"{limit} (about 10 per network namespace are used)" : "unknown";
}
