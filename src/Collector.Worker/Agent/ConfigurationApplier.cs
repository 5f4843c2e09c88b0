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
        foreach (var section in _sections)
        {
            // Against what was kept: what one part could not take over is no news to the next.
            var its = ConfigurationSchema.Changed(before.Options, wanted.Options).Intersect(section.Names).ToArray();
            if (its.Length > 0)
                wanted = await ApplyAsync(section, its, before, wanted, errors);
        }
        running.Current = wanted;
        return new(changed, errors);
    }

    private static async Task<AgentConfiguration> ApplyAsync(
        IReloadedSection section, string[] its, AgentConfiguration before, AgentConfiguration wanted,
        List<string> errors)
    {
        try
        {
            await section.ApplyAsync(wanted);
            return wanted;
        }
        catch (Exception e)
        {
            errors.Add($"section {string.Join(", ", its)} stays as it was: {e.Message}");
            return its.Aggregate(wanted, (w, name) => w.Keep(name, before));
        }
    }
}
