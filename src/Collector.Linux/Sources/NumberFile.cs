using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>A setting of the kernel that is one number.</summary>
public abstract class NumberFile(string path) : TextFile(path)
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
