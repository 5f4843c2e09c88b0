using System.Globalization;
using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>
/// The type of a single value: how it is read, written and described. The same for file and environment.
/// </summary>
/// <param name="name">One word for the table in the documentation.</param>
/// <param name="allowed">What may be written, for messages and the table.</param>
internal abstract class ValueType(string name, string allowed)
{
    public string Name { get; } = name;

    public string Allowed { get; } = allowed;

    /// <summary>The value, or null with what is wrong (which then begins with a verb).</summary>
    public abstract object? Parse(string text, out string problem);

    /// <summary>The text that parses to the same value.</summary>
    public virtual string Format(object value) => value.ToString()!;

    /// <summary>What may be shown of a value that holds a secret; null where all of it may.</summary>
    public virtual string? Shown(object value) => null;

    /// <summary>As it stands in the file.</summary>
    public virtual string ToYaml(object value) => YamlText.Scalar(Format(value));

    public static ValueType Boolean { get; } = new BooleanType();

    public static ValueType Duration(TimeSpan least, TimeSpan most) => new DurationType(least, most);

    public static ValueType Choice<T>(params (string Text, T Value)[] choices) where T : notnull =>
        new ChoiceType<T>(choices);

    public static ValueType Listen { get; } = new CheckedText(
        "address", "host:port, such as 127.0.0.1:9102, [::1]:9102 or 0.0.0.0:9102", TextChecks.Listen);

    /// <summary>Of a listener without guards: nobody but this machine may reach it.</summary>
    public static ValueType LocalListen { get; } = new CheckedText(
        "address", "a loopback address such as 127.0.0.1:19102, unix:/path, or empty text", TextChecks.LocalListen);

    public static ValueType Url { get; } = new UrlType("use otlp.headers");

    public static ValueType LokiUrl { get; } = new UrlType("use loki.username");

    /// <summary>What can stand in a header.</summary>
    public static ValueType HeaderText { get; } = new CheckedText(
        "text", "visible ASCII without spaces around it", TextChecks.HeaderValue);

    /// <summary>The same, and never shown.</summary>
    public static ValueType Password { get; } = new SecretType(
        "visible ASCII without spaces around it", TextChecks.HeaderValue);

    /// <summary>Where a proxy puts us.</summary>
    public static ValueType BasePath { get; } = new CheckedText(
        "path", "a path such as /netlens, of letters, digits and -._~/, at most 128 characters, or empty text",
        TextChecks.BasePath);

    public static ValueType SocketPath { get; } = new CheckedText(
        "path", "an absolute path of at most 107 bytes, or empty text", TextChecks.SocketPath);

    public static ValueType BearerToken { get; } = new SecretType(
        "visible ASCII without spaces, at most 1024 characters", TextChecks.Token);

    public static ValueType AbsolutePath { get; } = new CheckedText(
        "path", "an absolute path", TextChecks.AbsolutePath);

    public static ValueType Integer(long least, long most) => new IntegerType(least, most);

    /// <summary>Per cent; off is 0.</summary>
    public static ValueType Percent(double least, double most) => new PercentType(least, most);

    public static ValueType JsonTarget { get; } = new CheckedText(
        "target", "stdout, an absolute path, or empty text", TextChecks.JsonTarget);

    public static ValueType RuntimeSocket { get; } = new CheckedText(
        "socket", "unix:///path, an absolute path, none, or empty text", TextChecks.Endpoint);

    public static ValueType LabelKeys { get; } = new ListType([], TextChecks.LabelKey);

    public static ValueType StreamLabels { get; } = new ListType(
        [], TextChecks.LabelPair, "a list of labels such as cluster=production, zone=a");

    public static ValueType Word { get; } = new CheckedText(
        "text", "text without spaces, at most 253 characters", TextChecks.Word);

    /// <summary>The type of a probe's argument: its values are those that the probe gets.</summary>
    public static ValueType Of(ProbeOption option) => option.Kind switch
    {
        OptionKind.Boolean => Boolean,
        OptionKind.Integer => new IntegerType(option.Minimum, option.Maximum),
        OptionKind.Duration => Duration(Milliseconds(option.Minimum), Milliseconds(option.Maximum)),
        OptionKind.Share => new ShareType(option.Minimum, option.Maximum),
        OptionKind.Choice => Choice([.. option.Allowed.Select(a => (a, option.Read(a)))]),
        OptionKind.List when option.MostItems > 0 => Numbers(option.Minimum, option.Maximum, option.MostItems),
        OptionKind.List => new ListType(option.Allowed),
        _ => new CheckedText("text", "text without control characters", TextChecks.Printable),
    };

    private static ListType Numbers(long least, long most, int items)
    {
        var number = new IntegerType(least, most);
        return new ListType([], Check, $"a list of 1 to {items} whole numbers from {least} to {most}", 1, items);

        string Check(string word)
        {
            number.Parse(word, out var problem);
            return problem;
        }
    }

    private static TimeSpan Milliseconds(long value) =>
        value >= TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond
            ? TimeSpan.MaxValue
            : TimeSpan.FromTicks(value * TimeSpan.TicksPerMillisecond);
}

internal sealed class BooleanType() : ValueType("switch", "true, false, on, off, yes, no")
{
    private static readonly string[] Words = ["true", "false", "on", "off", "yes", "no"];

    public override object? Parse(string text, out string problem)
    {
        problem = "";
        switch (text)
        {
            case "true" or "on" or "yes":
                return true;
            case "false" or "off" or "no":
                return false;
            default:
                problem = $"'{YamlText.Shown(text)}' is neither on nor off{Suggestion.For(text, Words)}";
                return null;
        }
    }

    public override string Format(object value) => (bool)value ? "true" : "false";
}

internal sealed class IntegerType(long least, long most) : ValueType("number", Range(least, most))
{
    public override object? Parse(string text, out string problem)
    {
        problem = "";
        if (text.AsSpan().TrimStart('-') is var digits && (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')))
            problem = $"'{YamlText.Shown(text)}' is not a whole number";
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most)
            return value;
        else
            problem = $"'{YamlText.Shown(text)}' is out of range";
        return null;
    }

    private static string Range(long least, long most) => most == long.MaxValue
        ? $"a whole number from {least}"
        : $"a whole number from {least} to {most}";
}

internal sealed class PercentType(double least, double most)
    : ValueType("percentage", $"off, 0, or per cent such as 2% or 0.5 %, from {Written(least)} to {Written(most)}")
{
    private const NumberStyles Digits = NumberStyles.AllowDecimalPoint;

    public override object? Parse(string text, out string problem)
    {
        problem = "";
        if (text is "off" or "0")
            return 0.0;
        var number = text.EndsWith('%') ? text[..^1].TrimEnd(' ') : text;
        if (!double.TryParse(number, Digits, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            problem = $"'{YamlText.Shown(text)}' is not a percentage";
        else if (value != 0 && (value < least || value > most))
            problem = $"'{YamlText.Shown(text)}' is out of range";
        else
            return value;
        return null;
    }

    public override string Format(object value) => (double)value == 0 ? "off" : Written((double)value);

    private static string Written(double value) => value.ToString("0.####", CultureInfo.InvariantCulture) + "%";
}

/// <summary>A part of a whole, in hundredths of a per cent.</summary>
internal sealed class ShareType(long least, long most)
    : ValueType("share", $"per cent such as 2% or 0.5 %, from {new Share(least)} to {new Share(most)}")
{
    public override object? Parse(string text, out string problem)
    {
        problem = "";
        if (!Share.TryParse(text, out var value))
            problem = $"'{YamlText.Shown(text)}' is not a percentage with two places at most";
        else if (value.Parts < least || value.Parts > most)
            problem = $"'{YamlText.Shown(text)}' is out of range";
        else
            return value;
        return null;
    }
}

internal sealed class DurationType(TimeSpan least, TimeSpan most) : ValueType("duration", Range(least, most))
{
    public override object? Parse(string text, out string problem)
    {
        if (!DurationText.TryParse(text, out var value, out problem))
            problem = $"'{YamlText.Shown(text)}' {problem}";
        else if (value < least || value > most)
            problem = $"'{text}' is out of range";
        else
            return value;
        return null;
    }

    public override string Format(object value) => DurationText.Format((TimeSpan)value);

    private static string Range(TimeSpan least, TimeSpan most) => most == TimeSpan.MaxValue
        ? $"a duration such as 500ms, 15s, 1m or 2h, at least {DurationText.Format(least)}"
        : $"a duration from {DurationText.Format(least)} to {DurationText.Format(most)}";
}

internal sealed class ChoiceType<T>((string Text, T Value)[] choices)
    : ValueType("choice", string.Join(", ", choices.Select(c => c.Text)))
    where T : notnull
{
    public override object? Parse(string text, out string problem)
    {
        problem = "";
        foreach (var choice in choices)
        {
            if (choice.Text == text)
                return choice.Value;
        }
        problem = $"'{YamlText.Shown(text)}' is not one of its values"
            + Suggestion.For(text, choices.Select(c => c.Text));
        return null;
    }

    public override string Format(object value) => choices.First(c => c.Value.Equals(value)).Text;
}

/// <summary>Words separated by commas; in the file also a YAML list.</summary>
/// <param name="items">Those allowed; none: any.</param>
/// <param name="check">What is wrong with one where any is allowed.</param>
/// <param name="allowed">Says what <paramref name="check"/> lets through.</param>
/// <param name="least">Items that it has at least.</param>
/// <param name="most">Items that it has at most.</param>
internal sealed class ListType(
    IReadOnlyList<string> items, Func<string, string>? check = null, string allowed = "a list of words",
    int least = 0, int most = int.MaxValue)
    : ValueType("list", items.Count == 0 ? allowed : $"a list of {string.Join(", ", items)}")
{
    public override object? Parse(string text, out string problem)
    {
        var words = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        problem = words.Select(Check).FirstOrDefault(p => p.Length > 0, "");
        if (problem.Length == 0 && words.GroupBy(w => w).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
            problem = $"names '{YamlText.Shown(twice.Key)}' twice";
        if (problem.Length == 0 && (words.Length < least || words.Length > most))
            problem = $"has {words.Length} items";
        return problem.Length == 0 ? words : null;
    }

    public override string Format(object value) => string.Join(',', (IReadOnlyList<string>)value);

    public override string ToYaml(object value) =>
        $"[{string.Join(", ", ((IReadOnlyList<string>)value).Select(YamlText.Scalar))}]";

    private string Check(string word) => items.Count == 0 ? (check ?? TextChecks.Printable)(word)
        : items.Contains(word) ? ""
        : $"'{YamlText.Shown(word)}' is not one of its words{Suggestion.For(word, items)}";
}

/// <param name="instead">What to do instead of a user name in the URL.</param>
internal sealed class UrlType(string instead)
    : ValueType("URL", "http://host:port or https://host:port, with a path if needed")
{
    public override object? Parse(string text, out string problem)
    {
        problem = "";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            problem = $"'{YamlText.Shown(Redacted.Url(text))}' is not an http or https URL";
        else if (url.UserInfo.Length > 0)
            problem = $"must not hold a user name or a password; {instead}";
        else if (url.Query.Length > 0 || url.Fragment.Length > 0)
            problem = "must not have a query or a fragment: the signal's path is appended";
        // Normal form at once, so that what is printed loads to an equal value ("http://h/." is "http://h/").
        return problem.Length == 0 ? new Uri(url!.AbsoluteUri) : null;
    }

    public override string Format(object value) => ((Uri)value).AbsoluteUri;

    public override string? Shown(object value) =>
        Redacted.Hides((Uri)value) ? $"{Redacted.Url((Uri)value)}, less {Redacted.Mark}" : null;
}

/// <param name="check">What is wrong with a text, or "".</param>
internal sealed class SecretType(string allowed, Func<string, string> check) : ValueType("secret", allowed)
{
    public override object? Parse(string text, out string problem)
    {
        problem = check(text);
        return problem.Length == 0 ? new Secret(text) : null;
    }

    public override string Format(object value) => ((Secret)value).Text;

    public override string Shown(object value) => "not shown";
}

/// <param name="check">What is wrong with a text, or "".</param>
internal class CheckedText(string name, string allowed, Func<string, string> check) : ValueType(name, allowed)
{
    public override object? Parse(string text, out string problem)
    {
        problem = check(text);
        return problem.Length == 0 ? text : null;
    }
}
