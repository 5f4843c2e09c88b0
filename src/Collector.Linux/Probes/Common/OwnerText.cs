using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Common;

/// <summary>Whom an event concerns, for the line for people: what its attributes say, as far as it is known.</summary>
internal static class OwnerText
{
    private const int ShortId = 12;

    /// <summary><c>, pod shop/web-0, while curl[4711] ran</c>; the empty text where nothing is known.</summary>
    public static string Of(NetworkEvent e) => Subject(e.Subject?.Names) + Process(e.Process);

    private static string Subject(SubjectNames? names) => names switch
    {
        { PodName: { } pod, ContainerName: { } container } => $", pod {names.PodNamespace}/{pod} ({container})",
        { PodName: { } pod } => $", pod {names.PodNamespace}/{pod}",
        { ContainerName: { } container } => $", container {container}",
        { ContainerId: { } id } => $", container {id[..Math.Min(id.Length, ShortId)]}",
        { Unit: { } unit } => $", unit {unit}",
        { NetnsName: { } name } => $", namespace {name}",
        _ => "",
    };

    // In an interrupt it is whoever had the processor.
    private static string Process(EventProcess? process) => process is not { Pid: > 0 }
        ? ""
        : $", while {process.Command}[{process.Pid}]{(process.Pod is { } pod ? $" of pod {pod}" : "")} ran";
}
