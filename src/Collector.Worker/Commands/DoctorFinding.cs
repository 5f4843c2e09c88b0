using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Sources;

namespace Collector.Worker.Commands;

/// <summary>What <c>netlens doctor</c> found of a probe.</summary>
/// <param name="Probe">Probe id.</param>
/// <param name="Enabled">Whether the configuration switches it on.</param>
/// <param name="Verdict">ok, empty, partial, unavailable or failed.</param>
/// <param name="Detail">Why, or what it found.</param>
/// <param name="Series">Series of one collection.</param>
/// <param name="Milliseconds">How long that collection took.</param>
internal sealed record DoctorFinding(
    string Probe, bool Enabled, string Verdict, string Detail, long Series, double Milliseconds)
{
    /// <summary>How its programs were attached; null for probes without any.</summary>
    public LadderReport? Ladder { get; init; }

    /// <summary>How the parts of its collection were read that can be read by one pass.</summary>
    public IReadOnlyList<CollectedPart> Parts { get; init; } = [];

    /// <summary>Settings that this kernel does not know.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
