using Collector.Linux.Interop;

namespace Collector.Worker.Hosting;

/// <summary>A stream onto a descriptor that stays open, by write(2) with its errors.</summary>
/// <param name="descriptor">Where to.</param>
/// <param name="patience">
/// Milliseconds to wait for a reader that reads no more, after which what is written is refused until it reads again;
/// -1 waits for ever.
/// </param>
internal sealed class DescriptorStream(int descriptor, int patience = -1) : Stream
{
    private bool _stalled;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (patience < 0)
        {
            DescriptorOutput.Write(descriptor, buffer);
            return;
        }
        _stalled = !DescriptorOutput.TryWrite(descriptor, buffer, _stalled ? 0 : patience);
        if (_stalled)
            throw new IOException("nobody reads");
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
