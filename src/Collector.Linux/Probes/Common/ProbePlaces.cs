using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>Something that a probe wants to see in the kernel, and where its programs can go for it.</summary>
/// <param name="Sees">What.</param>
/// <param name="Optional">The probe is useful without it.</param>
/// <param name="Ways">Best first: the sections of the programs that are attached together.</param>
public sealed record ProbePlace(string Sees, bool Optional, IReadOnlyList<string> Ways)
{
    /// <summary>The places of a probe, whatever this kernel has; none where it has no programs.</summary>
    /// <param name="probe">One that was made and need not have started.</param>
    /// <exception cref="BpfLoadException">This build has no eBPF programs, or libbpf is missing.</exception>
    public static IReadOnlyList<ProbePlace> Of(Probe probe)
    {
        if (probe is not BpfProbe bpf)
            return [];
        var image = BpfImage.Find(probe.Info.Id, perf: false);
        return
        [
            .. bpf.Ladders.Select(h => new ProbePlace(
                h.Name, h.Optional, [.. h.Ways.Select(w => Sections(image, w)).Distinct()])),
        ];
    }

    private static string Sections(BpfImage image, Way way) =>
        string.Join(" + ", way.Names.Select(p => SectionOf(image, p, way)).Distinct());

    private static string SectionOf(BpfImage image, string program, Way way)
    {
        var section = image.SectionOf(program);
        return way.Function is { } function && section.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash
            ? $"{section[..slash]}/{function}"
            : section;
    }
}
