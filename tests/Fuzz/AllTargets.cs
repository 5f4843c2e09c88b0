using Fuzz.Tests.Targets;

namespace Fuzz.Tests;

/// <summary>
/// Every parser of bytes from outside: a new one (the next: what events.spool finds on disk) is a word here and a
/// target in Targets.
/// </summary>
internal static class AllTargets
{
    public static IReadOnlyList<FuzzTarget> List { get; } =
    [
        ConfigurationTargets.File, ConfigurationTargets.Variables, ConfigurationTargets.Import,
        HttpTargets.Headers, HttpTargets.Query,
        OtlpTargets.Response, OtlpTargets.Variables,
        NetlinkTargets.Messages, NetlinkTargets.Dialogue,
        ProcTargets.Parsers, ProcTargets.Probes,
        CriTargets.Answers,
        RecordTargets.Files, RecordTargets.Records,
        .. BpfTargets.List,
    ];
}
