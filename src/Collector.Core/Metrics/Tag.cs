namespace Collector.Core.Metrics;

/// <summary>An attribute's value: text, or a 64-bit integer (a port number leaves as a number over OTLP).</summary>
public readonly record struct TagValue
{
    private readonly string? _text;

    public TagValue(string text) => _text = text;

    public TagValue(long number) => Number = number;

    /// <summary>True when the value is <see cref="Number"/>.</summary>
    public bool IsNumber => _text is null;

    public long Number { get; }

    /// <summary>The value as text, whichever kind it is.</summary>
    public string Text => _text ?? Number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static implicit operator TagValue(string text) => new(text);

    public static implicit operator TagValue(long number) => new(number);

    public override string ToString() => Text;
}

/// <summary>A fixed attribute of a metric, for example <c>network.io.direction=receive</c>.</summary>
/// <param name="Key">OpenTelemetry attribute name.</param>
/// <param name="Value">Its value.</param>
public readonly record struct Tag(string Key, TagValue Value);

/// <summary>An attribute that differs from row to row, for example the interface name.</summary>
/// <param name="Key">OpenTelemetry attribute name.</param>
public readonly record struct TagKey(string Key);
