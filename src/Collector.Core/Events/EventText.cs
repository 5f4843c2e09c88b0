using Collector.Core.Subjects;

namespace Collector.Core.Events;

/// <summary>
/// The line for people, one sentence for every kind: who did what, from or to whom, and why; then who ran.
/// </summary>
public static class EventText
{
    /// <summary>
    /// "shop/web-0:80 sent a reset to shop/client-0:4711: nobody listens there; running: nginx[4711]".
    /// </summary>
    /// <param name="e">The event, with the names of pods.</param>
    /// <param name="what">The probe's sentence, with the names of <see cref="EventParties"/>.</param>
    /// <param name="process">
    /// What its process is to it: "running:", "asked by"; null where the probe's words name it.
    /// </param>
    public static string Of(NetworkEvent e, string what, string? process) =>
        // Pods, interfaces and processes are called as somebody likes.
        SafeText.Printable(what + WhoOf(e.Process, process, PodOf(e.Subject)));

    private static string? PodOf(Subject? subject) =>
        subject?.Names is { PodName: { Length: > 0 } name } names ? $"{names.PodNamespace}/{name}" : null;

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
