namespace Collector.Core.Probes;

/// <summary>Values of declared options, already validated: what was written, else the default.</summary>
/// <param name="owner">Who declares them, for the message of a fault: "probe tcp".</param>
/// <param name="declared">The options.</param>
/// <param name="written">Values by option, each of the option's type; null: nothing was written.</param>
public abstract class OptionValues(
    string owner, IReadOnlyList<ProbeOption> declared, IReadOnlyDictionary<ProbeOption, object>? written)
{
    /// <summary>What was written.</summary>
    protected IReadOnlyDictionary<ProbeOption, object>? Written => written;

    /// <summary>The value of an argument that is declared.</summary>
    /// <exception cref="ArgumentException">It is another's: a fault of the program.</exception>
    public T Get<T>(ProbeOption<T> option) where T : notnull => (T)Value(option);

    /// <summary>The value, of the option's type.</summary>
    public object Value(ProbeOption option)
    {
        if (!declared.Contains(option))
            throw new ArgumentException($"{owner} declares no option '{option.Name}'", nameof(option));
        return written is not null && written.TryGetValue(option, out var value) ? value : option.DefaultValue;
    }

    /// <summary>The value as it would be written in the file.</summary>
    public string Text(ProbeOption option) => option.Write(Value(option));

    /// <summary>True when both give every declared option the same value.</summary>
    public bool SameAs(OptionValues other) => declared.All(o => Text(o) == other.Text(o));
}
