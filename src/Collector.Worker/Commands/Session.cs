using System.Runtime.CompilerServices;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Node;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;
using Collector.Worker.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Commands;

/// <summary>What a command has to work with: the configuration, and a machine to ask.</summary>
internal static class Session
{
    /// <summary>
    /// Files that it takes beside one namespace, and the connections that must be let in. Where code is compiled at run
    /// time, the runtime holds two for every assembly, and finds no way on when there is none.
    /// </summary>
    private static readonly long FewestFiles = RuntimeFeature.IsDynamicCodeSupported ? 576 : 384;

    /// <summary>How long a command waits for the container runtime.</summary>
    public static readonly TimeSpan FirstPods = TimeSpan.FromSeconds(6);

    /// <summary>Loads the configuration; on errors prints them all and returns null.</summary>
    public static ConfigurationResult? Configure(string? path)
    {
        var (file, named) = ConfigurationLoader.FileOf(path);
        var result = ConfigurationLoader.Load(file, named, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
        foreach (var line in result.Errors.Select(e => e.ToString()).Concat(result.Warnings))
            Output.Error(line);
        return result.Errors.Count == 0 ? result : null;
    }

    /// <summary>A collector of the chosen probes, or of all that the configuration switches on.</summary>
    /// <param name="options">The configuration.</param>
    /// <param name="probes">The chosen; none for all.</param>
    /// <param name="watching">False leaves out, unless chosen, probes that a single collection tells nothing.</param>
    /// <param name="events">Takes what probes report; null: nobody does.</param>
    /// <returns>Null after a message when a probe's name is unknown.</returns>
    public static NodeCollector? Collector(
        AgentOptions options, string[] probes, bool watching = true, IEventSink? events = null)
    {
        if (!TryChoose(options, probes, out var chosen))
            return null;
        chosen = WithLifetime(chosen);
        if (!watching && probes.Length == 0)
            chosen = WithoutWatching(chosen);
        else if (!watching && NodeFactory.Catalogue.FirstOrDefault(p => p.Watches && probes.Contains(p.Id)) is { } p)
            Output.Error($"{p.Id} counts only what happens while it runs: --for 10s lets it watch that long");
        var node = NodeFactory.Create(
            chosen.Paths, chosen.Ebpf, chosen.Pods, chosen.Limits, events, chosen.Collection.Source,
            chosen.Findings);
        StartPods(node);
        return new NodeCollector(node, chosen, TimeProvider.System, NullLogger.Instance);
    }

    /// <summary>One collection, or what happened in that time: every counter is its growth.</summary>
    public static Snapshot Collect(NodeCollector collector, TimeSpan duration)
    {
        var snapshot = collector.CollectOnce();
        if (duration <= TimeSpan.Zero)
            return snapshot;
        using var first = collector.Store.Acquire();
        collector.Node.Rest(duration, CancellationToken.None);
        return SnapshotGrowth.Between(first.Snapshot!, collector.CollectOnce(), TimeProvider.System);
    }

    /// <summary>Asks the container runtime for the pods; says why where it does not answer.</summary>
    public static void StartPods(INode node)
    {
        node.StartPods(static (warning, text) => Complain(warning, text));
        if (!node.AwaitPods(FirstPods))
            Output.Error($"the container runtime has not answered in {FirstPods.TotalSeconds:0} s: pods have no names");
    }

    private static void Complain(bool warning, string text)
    {
        if (warning)
            Output.Error(text);
    }

    // One collection has no earlier one to count from: what counts since its own start then counts since the
    // processes'.
    private static AgentOptions WithLifetime(AgentOptions options) => options with
    {
        Probes = NodeFactory.Catalogue.ToDictionary(p => p.Id, p =>
        {
            var choice = options.Probes.GetValueOrDefault(p.Id) ?? new(p.EnabledByDefault, new(p));
            return p.Options.Contains(Io.Lifetime)
                ? choice with { Settings = choice.Settings.WithDefault(Io.Lifetime, true) }
                : choice;
        }),
    };

    private static AgentOptions WithoutWatching(AgentOptions options) => options with
    {
        Probes = NodeFactory.Catalogue.ToDictionary(p => p.Id, p =>
        {
            var choice = options.Probes.GetValueOrDefault(p.Id) ?? new(p.EnabledByDefault, new(p));
            return p.Watches ? choice with { Enabled = false } : choice;
        }),
    };

    private static bool TryChoose(AgentOptions options, string[] probes, out AgentOptions chosen)
    {
        chosen = options;
        if (probes.Length == 0)
            return true;
        if (!AllProbesKnown(probes))
            return false;
        chosen = options with
        {
            Probes = NodeFactory.Catalogue.ToDictionary(p => p.Id, p => new ProbeChoice(
                probes.Contains(p.Id), options.Probes.GetValueOrDefault(p.Id)?.Settings ?? new ProbeSettings(p))),
        };
        return true;
    }

    /// <summary>Whether there is a probe for each id; complains about the others.</summary>
    public static bool AllProbesKnown(string[] probes)
    {
        var known = NodeFactory.Catalogue.Select(p => p.Id).ToArray();
        var unknown = probes.Except(known).ToArray();
        foreach (var id in unknown)
        {
            Output.Error($"--probe: there is no probe '{id}'{Suggestion.For(id, known)}; "
                + $"known: {string.Join(", ", known)}");
        }
        return unknown.Length == 0;
    }

    /// <summary>Whether the runtime has files enough; complains if not: it would end in the middle.</summary>
    public static bool HasRoomForFiles()
    {
        if (Linux.Interop.OpenFiles.Limit is not { } limit || limit >= FewestFiles)
            return true;
        Output.Error($"cannot start: at most {limit} open files are allowed; netlens needs {FewestFiles}, "
            + "and 10 per network namespace (ulimit -n, LimitNOFILE=)");
        return false;
    }

    /// <summary>Ends with a message and a code when the work cannot be done on this machine.</summary>
    public static int Guard(Func<int> work)
    {
        if (!HasRoomForFiles())
            return ExitCodes.CannotStart;
        try
        {
            return work();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or Linux.Interop.LinuxException
            or (IOException and not Linux.Interop.BrokenOutputException))
        {
            Output.Error(e.Message);
            return ExitCodes.Failure;
        }
    }
}
