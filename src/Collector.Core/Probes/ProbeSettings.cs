namespace Collector.Core.Probes;

/// <summary>A probe's arguments, already validated: what was written, else the declared default.</summary>
public sealed class ProbeSettings(ProbeInfo info, IReadOnlyDictionary<string, string>? written = null)
{
    /// <summary>The value as text. Throws for a key that the probe does not declare.</summary>
    public string Text(string name)
    {
        var option = info.Options.FirstOrDefault(o => o.Name == name)
            ?? throw new ArgumentException($"probe {info.Id} declares no option '{name}'", nameof(name));
        return written is not null && written.TryGetValue(name, out var value) ? value : option.Default;
    }

    /// <summary>The same settings with one more argument, unless it was written.</summary>
    public ProbeSettings WithDefault(string name, string value)
    {
        var all = new Dictionary<string, string> { [name] = value };
        foreach (var (key, its) in written ?? new Dictionary<string, string>())
            all[key] = its;
        return new ProbeSettings(info, all);
    }

    public bool Flag(string name) => bool.Parse(Text(name));

    public long Integer(string name) => long.Parse(Text(name), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A whole number and one unit, as the configuration checked it: <c>10ms</c>, <c>15s</c>.</summary>
    public TimeSpan Duration(string name)
    {
        var text = Text(name);
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var milliseconds = text[digits..] switch
        {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            var unit => throw new FormatException($"'{unit}' is no unit of a duration"),
        };
        return TimeSpan.FromMilliseconds(
            milliseconds * long.Parse(text.AsSpan(0, digits), System.Globalization.CultureInfo.InvariantCulture));
    }

    public IReadOnlyList<string> List(string name) =>
        Text(name).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>
    /// True when both give every declared option the same value: then a running probe need not restart.
    /// </summary>
    public bool SameAs(ProbeSettings other) => info.Options.All(o => Text(o.Name) == other.Text(o.Name));
}
