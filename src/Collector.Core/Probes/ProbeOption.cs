using System.Globalization;

namespace Collector.Core.Probes;

public enum OptionKind
{
    Boolean,
    Integer,
    Duration,
    Text,
    Choice,
    List,
    Share,
}

/// <summary>
/// An argument of a probe, or a threshold of a finding, in the configuration: declared beside what reads it with
/// <see cref="OptionValues.Get{T}"/>, so that a key that nobody declared has no object to ask with. Made by
/// <see cref="Option"/>.
/// </summary>
public abstract class ProbeOption
{
    /// <summary>Key in the file, camelCase.</summary>
    public required string Name { get; init; }

    public required OptionKind Kind { get; init; }

    /// <summary>One sentence; of a threshold, why it is what it is.</summary>
    public required string Description { get; init; }

    /// <summary>Values allowed for <see cref="OptionKind.Choice"/> and for the items of a list; empty: any.</summary>
    public IReadOnlyList<string> Allowed { get; init; } = [];

    /// <summary>Items that a list of whole numbers may have, from one on; 0: a list is of words.</summary>
    public int MostItems { get; init; }

    /// <summary>What an integer, or the whole of a share, counts: "packets in a window"; empty: it is told.</summary>
    public string Unit { get; init; } = "";

    /// <summary>
    /// Least and greatest value of an integer, also in a list, of a duration in milliseconds, or of a share in parts of
    /// ten thousand.
    /// </summary>
    public long Minimum { get; init; }

    public long Maximum { get; init; } = long.MaxValue;

    /// <summary>Default as it would be written in the file; lists comma-separated.</summary>
    public string Default => Write(DefaultValue);

    /// <summary>The default as a sentence has it: "10", "0.5 %", "100 ms".</summary>
    public string InWords
    {
        get
        {
            var unit = Default.AsSpan().TrimStart("0123456789.");
            return unit.IsEmpty ? Default : $"{Default.AsSpan()[..^unit.Length]} {(unit is "m" ? "min" : unit)}";
        }
    }

    /// <summary>The default itself.</summary>
    public abstract object DefaultValue { get; }

    /// <summary>The value of a text that <see cref="Write"/> may have made.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public abstract object Read(string text);

    /// <summary>The text that reads to the same value.</summary>
    public abstract string Write(object value);

    public override string ToString() => Name;
}

/// <summary>An argument with the type of its value.</summary>
/// <param name="standard">The default.</param>
/// <param name="read">From text.</param>
/// <param name="write">To text.</param>
public sealed class ProbeOption<T>(T standard, Func<string, T> read, Func<T, string> write) : ProbeOption
    where T : notnull
{
    public override object DefaultValue => standard;

    /// <summary>The default with its type.</summary>
    public T Standard => standard;

    public override object Read(string text) => read(text);

    public override string Write(object value) => write((T)value);
}

/// <summary>Makes the arguments of probes.</summary>
public static class Option
{
    private const string All = "all";

    public static ProbeOption<bool> Switch(string name, bool standard, string description) =>
        new(standard, bool.Parse, static v => v ? "true" : "false")
        {
            Name = name, Kind = OptionKind.Boolean, Description = description,
        };

    public static ProbeOption<long> Integer(
        string name, long standard, string description, long least = 0, long most = long.MaxValue) =>
        new(standard, static t => long.Parse(t, CultureInfo.InvariantCulture),
            static v => v.ToString(CultureInfo.InvariantCulture))
        {
            Name = name, Kind = OptionKind.Integer, Description = description, Minimum = least, Maximum = most,
        };

    /// <summary>A number from which something is told.</summary>
    /// <param name="name">Key.</param>
    /// <param name="standard">The default.</param>
    /// <param name="unit">What it counts.</param>
    /// <param name="reason">Why it is what it is: one sentence.</param>
    /// <param name="least">Least value.</param>
    /// <param name="most">Greatest value.</param>
    public static ProbeOption<long> Count(
        string name, long standard, string unit, string reason, long least = 1, long most = 1_000_000) =>
        new(standard, static t => long.Parse(t, CultureInfo.InvariantCulture),
            static v => v.ToString(CultureInfo.InvariantCulture))
        {
            Name = name, Kind = OptionKind.Integer, Description = reason, Unit = unit, Minimum = least, Maximum = most,
        };

    /// <summary>A part from which something is told.</summary>
    /// <param name="name">Key.</param>
    /// <param name="standard">The default.</param>
    /// <param name="unit">What it is a part of.</param>
    /// <param name="reason">Why it is what it is: one sentence.</param>
    /// <param name="least">Parts of ten thousand.</param>
    /// <param name="most">Parts of ten thousand.</param>
    public static ProbeOption<Share> Part(
        string name, Share standard, string unit, string reason, long least = 0, long most = 10_000) =>
        new(standard, Share.Parse, static v => v.ToString())
        {
            Name = name, Kind = OptionKind.Share, Description = reason, Unit = unit, Minimum = least, Maximum = most,
        };

    /// <param name="name">Key.</param>
    /// <param name="standard">The default.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="least">Milliseconds.</param>
    /// <param name="most">Milliseconds.</param>
    public static ProbeOption<TimeSpan> Duration(
        string name, TimeSpan standard, string description, long least = 0, long most = long.MaxValue) =>
        new(standard, DurationText.Parse, DurationText.Format)
        {
            Name = name, Kind = OptionKind.Duration, Description = description, Minimum = least, Maximum = most,
        };

    public static ProbeOption<string> Text(string name, string standard, string description) =>
        new(standard, static t => t, static v => v)
        {
            Name = name, Kind = OptionKind.Text, Description = description,
        };

    /// <summary>One of the names of an enumeration, in lower case.</summary>
    public static ProbeOption<T> Choice<T>(string name, T standard, string description) where T : struct, Enum =>
        new(standard, static t => Enum.Parse<T>(t, ignoreCase: true), static v => v.ToString().ToLowerInvariant())
        {
            Name = name, Kind = OptionKind.Choice, Description = description,
            Allowed = [.. Enum.GetNames<T>().Select(n => n.ToLowerInvariant())],
        };

    /// <summary>The choice that many probes have: the metrics that matter, or all (true).</summary>
    public static ProbeOption<bool> Include(string description) =>
        new(standard: false, static t => t == All, static v => v ? All : "default")
        {
            Name = "include", Kind = OptionKind.Choice, Description = description, Allowed = ["default", All],
        };

    /// <param name="name">Key.</param>
    /// <param name="standard">The default, comma-separated.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="allowed">The words that there are; none: any.</param>
    public static ProbeOption<IReadOnlyList<string>> List(
        string name, string standard, string description, params string[] allowed) =>
        new(Words(standard), Words, static v => string.Join(',', v))
        {
            Name = name, Kind = OptionKind.List, Description = description, Allowed = allowed,
        };

    /// <param name="name">Key.</param>
    /// <param name="standard">The default, comma-separated.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="least">Least value of each.</param>
    /// <param name="most">Greatest value of each.</param>
    /// <param name="items">How many there may be.</param>
    public static ProbeOption<IReadOnlyList<string>> Numbers(
        string name, string standard, string description, long least, long most, int items) =>
        new(Words(standard), Words, static v => string.Join(',', v))
        {
            Name = name, Kind = OptionKind.List, Description = description, Minimum = least, Maximum = most,
            MostItems = items,
        };

    private static string[] Words(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
