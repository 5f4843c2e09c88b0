namespace Collector.Core.Probes;

/// <summary>A probe's arguments, already validated: what was written, else the declared default.</summary>
/// <param name="info">The probe.</param>
/// <param name="written">Values by option, each of the option's type; null: nothing was written.</param>
public sealed class ProbeSettings(ProbeInfo info, IReadOnlyDictionary<ProbeOption, object>? written = null)
{
    /// <summary>Arguments given as texts that <see cref="ProbeOption.Read"/> takes.</summary>
    /// <exception cref="InvalidOperationException">The probe declares no such option.</exception>
    public static ProbeSettings Of(ProbeInfo info, params IEnumerable<(string Name, string Value)> written) => new(
        info, written.Select(w => (Option: info.Options.Single(o => o.Name == w.Name), w.Value))
            .ToDictionary(w => w.Option, w => w.Option.Read(w.Value)));

    /// <summary>The value of an argument that the probe declares.</summary>
    /// <exception cref="ArgumentException">It is another probe's: a fault of the program.</exception>
    public T Get<T>(ProbeOption<T> option) where T : notnull => (T)Value(option);

    /// <summary>The value, of the option's type.</summary>
    public object Value(ProbeOption option)
    {
        if (!info.Options.Contains(option))
            throw new ArgumentException($"probe {info.Id} declares no option '{option.Name}'", nameof(option));
        return written is not null && written.TryGetValue(option, out var value) ? value : option.DefaultValue;
    }

    /// <summary>The value as it would be written in the file.</summary>
    public string Text(ProbeOption option) => option.Write(Value(option));

    /// <summary>The same settings with one more argument, unless it was written.</summary>
    public ProbeSettings WithDefault(ProbeOption option, object value)
    {
        var all = new Dictionary<ProbeOption, object> { [option] = value };
        foreach (var (its, other) in written ?? all)
            all[its] = other;
        return new ProbeSettings(info, all);
    }

    /// <summary>
    /// True when both give every declared option the same value: then a running probe need not restart.
    /// </summary>
    public bool SameAs(ProbeSettings other) => info.Options.All(o => Text(o) == other.Text(o));
}
