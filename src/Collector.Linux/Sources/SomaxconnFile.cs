using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>How many connections may wait at any listener of a namespace: net.core.somaxconn.</summary>
public sealed class SomaxconnFile() : TextFile("sys/net/core/somaxconn")
{
    public long Value { get; private set; }

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        var fields = new FieldReader(content.TrimEnd((byte)'\n'));
        if (!fields.TryNextNumber(out var value))
        {
            Failure = Malformed;
            return false;
        }
        Value = value;
        return true;
    }
}
