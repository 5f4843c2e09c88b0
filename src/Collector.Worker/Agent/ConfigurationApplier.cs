using Collector.Worker.Configuration;

namespace Collector.Worker.Agent;

/// <summary>What became of a configuration.</summary>
/// <param name="Changed">Sections that differ from what was in force.</param>
/// <param name="Errors">A line for each section that stays as it was, and why.</param>
internal sealed record Applied(IReadOnlyList<string> Changed, IReadOnlyList<string> Errors);

/// <summary>Takes over what differs, section by section: what cannot be applied stays as it was, the rest is.</summary>
internal sealed class ConfigurationApplier(RunningConfiguration running, IEnumerable<IReloadedSection> sections)
{
    private readonly IReloadedSection[] _sections = [.. sections];

    /// <summary>Sections that are taken over while the agent runs.</summary>
    public static IReadOnlyList<string> Live { get; } =
        [.. ConfigurationSchema.Sections.Select(s => s.Name).Where(s => s != "paths")];

    public async Task<Applied> ApplyAsync(AgentConfiguration wanted)
    {
        var before = running.Current;
        var changed = ConfigurationSchema.Changed(before.Options, wanted.Options).ToArray();
        var errors = new List<string>();
        foreach (var name in changed.Except(Live))
        {
            errors.Add($"section '{name}' changed: it takes a restart to apply");
            wanted = wanted.Keep(name, before);
        }
        var done = new List<IReloadedSection>();
        foreach (var section in _sections)
        {
            // Against what was kept: what one part could not take over is no news to the next.
            var its = ConfigurationSchema.Changed(before.Options, wanted.Options).Intersect(section.Names).ToArray();
            if (its.Length == 0)
                continue;
            if (await TryAsync(section, wanted) is { } fault)
            {
                errors.Add($"section {string.Join(", ", its)} stays as it was: {fault}");
                wanted = its.Aggregate(wanted, (w, name) => w.Keep(name, before));
                await GoBackAsync(done.Where(d => d.Names.Intersect(its).Any()), wanted, errors);
                continue;
            }
            done.Add(section);
        }
        running.Current = wanted;
        return new(changed, errors);
    }

    /// <summary>A section is in force in all its parts or in none: those that have it already give it up.</summary>
    private static async Task GoBackAsync(
        IEnumerable<IReloadedSection> parts, AgentConfiguration kept, List<string> errors)
    {
        foreach (var part in parts.Reverse())
        {
            if (await TryAsync(part, kept) is { } fault)
                errors.Add($"section {string.Join(", ", part.Names)} is in force in part: {fault}");
        }
    }

    private static async Task<string?> TryAsync(IReloadedSection section, AgentConfiguration wanted)
    {
        try
        {
            await section.ApplyAsync(wanted);
            return null;
        }
        catch (Exception e)
        {
            return e.Message;
        }
    }
}
