using Collector.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// A named pipe that lines are written to. Neither a reader that has not come nor one that reads no more is waited for.
/// </summary>
internal sealed class EventPipe(string path) : ILineTarget
{
    /// <summary>Milliseconds for a reader that reads no more.</summary>
    private const int Patience = 500;

    private SafeFileHandle? _pipe;
    private bool _torn;

    public void Write(ReadOnlySpan<byte> lines)
    {
        _pipe ??= SpecialFile.OpenPipe(path);
        try
        {
            // What is left of a line must not spoil the next one.
            if (_torn && !lines.IsEmpty)
                Send("\n"u8);
            Send(lines);
            _torn = false;
        }
        catch (BrokenOutputException)
        {
            Dispose();
            throw;
        }
    }

    public override string ToString() => path;

    public void Dispose()
    {
        _pipe?.Dispose();
        _pipe = null;
        _torn = false;
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        if (DescriptorOutput.TryWrite((int)_pipe!.DangerousGetHandle(), bytes, Patience))
            return;
        _torn = true;
        throw new IOException("the pipe is full and nobody reads it");
    }
}
