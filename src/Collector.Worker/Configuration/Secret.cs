namespace Collector.Worker.Configuration;

/// <summary>A text that is not shown by whoever prints what holds it.</summary>
public readonly record struct Secret(string Text)
{
    public override string ToString() => Redacted.Mark;
}
