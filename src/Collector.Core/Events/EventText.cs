using Collector.Core.Subjects;

namespace Collector.Core.Events;

/// <summary>The line for people: what happened, whose it is, and who ran.</summary>
public static class EventText
{
    /// <summary>
    /// "sent reset tcp 10.0.0.2:80 > 10.0.0.9:4711: nobody listens there; pod shop/web-0; to pod shop/client-0;
    /// running: nginx[4711]".
    /// </summary>
    /// <param name="e">The event, with the names of pods.</param>
    /// <param name="what">What happened, in the words of its probe.</param>
    /// <param name="process">
    /// What its process is to it: "running:", "asked by"; null where the probe's words name it.
    /// </param>
    public static string Of(NetworkEvent e, string what, string? process)
    {
        var pod = PodOf(e.Subject);
        var whose = pod is not null ? $"; pod {pod}" : PlaceOf(e.Subject) is { } place ? $"; {place}" : "";
        return what + whose + EndOf("from", e.Tuple?.SourcePod, pod) + EndOf("to", e.Tuple?.DestinationPod, pod)
            + WhoOf(e.Process, process, pod);
    }

    // An end that is not the pod's own.
    private static string EndOf(string word, string? pod, string? own) =>
        pod is null || pod == own ? "" : $"; {word} pod {pod}";

    private static string? PodOf(Subject? subject) => subject?.Names is { PodName: { Length: > 0 } name } names
        ? $"{names.PodNamespace}/{name}{(subject.HostNetwork ? " (host network)" : "")}"
        : null;

    // Where nobody's pod is concerned; of the node there is nothing to say.
    private static string? PlaceOf(Subject? subject) => subject switch
    {
        null or { IsHost: true } => null,
        { Names: { ContainerName: { Length: > 0 } container } } => $"container {container}",
        { Names: { ContainerId: { Length: > 0 } id } } => $"container {id[..Math.Min(12, id.Length)]}",
        { Names: { Unit: { Length: > 0 } unit } } => unit,
        { Names: { NetnsName: { Length: > 0 } name } } => $"network namespace {name}",
        _ => $"network namespace {subject.Inode}",
    };

    private static string WhoOf(EventProcess? process, string? role, string? pod)
    {
        // The idle task is nobody.
        if (process is not { Pid: > 0, Command.Length: > 0 })
            return "";
        var of = process.Pod is { } its && its != pod ? $" of pod {its}" : "";
        if (role is not null)
            return $"; {role} {process.Command}[{process.Pid}]{of}";
        return of.Length > 0 ? $"; {process.Command}[{process.Tid}] is{of}" : "";
    }
}
