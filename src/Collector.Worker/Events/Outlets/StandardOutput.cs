using Collector.Linux.Interop;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// Standard output, by write(2): the runtime's own stream says nothing when the reader of a pipe has gone, and what
/// was lost could not be counted.
/// </summary>
internal sealed class StandardOutput : ILineTarget
{
    private readonly int _descriptor;
    private readonly Stream? _stream;

    public StandardOutput(int descriptor = 1)
    {
        _descriptor = descriptor;
        if (!OperatingSystem.IsLinux())
            _stream = Console.OpenStandardOutput();
    }

    public void Write(ReadOnlySpan<byte> lines)
    {
        if (_stream is not null)
            _stream.Write(lines);
        else
            DescriptorOutput.Write(_descriptor, lines);
    }

    public override string ToString() => "standard output";

    public void Dispose() => _stream?.Dispose();
}
