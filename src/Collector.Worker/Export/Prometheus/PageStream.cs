namespace Collector.Worker.Export.Prometheus;

/// <summary>A page to be written by who knows streams only.</summary>
internal sealed class PageStream(PooledPage page) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => page.Length;

    public override long Position
    {
        get => page.Length;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer) => page.Write(buffer);

    public override void Write(byte[] buffer, int offset, int count) => page.Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
