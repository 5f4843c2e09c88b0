namespace Collector.Core.Probes;

/// <summary>
/// A probe's arguments. Where two are <see cref="OptionValues.SameAs"/>, a running probe need not restart.
/// </summary>
/// <param name="info">The probe.</param>
/// <param name="written">Values by option, each of the option's type; null: nothing was written.</param>
public sealed class ProbeSettings(ProbeInfo info, IReadOnlyDictionary<ProbeOption, object>? written = null)
    : OptionValues($"probe {info.Id}", info.Options, written)
{
    private readonly ProbeInfo _info = info;

    /// <summary>Arguments given as texts that <see cref="ProbeOption.Read"/> takes.</summary>
    /// <exception cref="InvalidOperationException">The probe declares no such option.</exception>
    public static ProbeSettings Of(ProbeInfo info, params IEnumerable<(string Name, string Value)> written) => new(
        info, written.Select(w => (Option: info.Options.Single(o => o.Name == w.Name), w.Value))
            .ToDictionary(w => w.Option, w => w.Option.Read(w.Value)));

    /// <summary>The same settings with one more argument, unless it was written.</summary>
    public ProbeSettings WithDefault(ProbeOption option, object value)
    {
        var all = new Dictionary<ProbeOption, object> { [option] = value };
        foreach (var (its, other) in Written ?? all)
            all[its] = other;
        return new ProbeSettings(_info, all);
    }
}
