using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace Collector.Worker.Watch;

/// <summary>The lines of a stream that comes from elsewhere: none is longer than an event can be.</summary>
internal sealed class LineReader(Stream stream, TimeSpan patience) : IAsyncDisposable
{
    /// <summary>The deepest stack, every name of the longest, and each letter escaped.</summary>
    public const int Longest = 256 * 1024;

    private readonly PipeReader _pipe = PipeReader.Create(stream);

    /// <summary>The next line, without its end; null at the end of the stream.</summary>
    /// <exception cref="OperationCanceledException">Stopped, or nothing came for too long.</exception>
    /// <exception cref="InvalidDataException">A line without an end.</exception>
    public async ValueTask<string?> ReadAsync(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(patience);
        while (true)
        {
            var read = await _pipe.ReadAsync(limit.Token);
            var bytes = read.Buffer;
            if (bytes.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(bytes.Slice(0, end));
                _pipe.AdvanceTo(bytes.GetPosition(1, end));
                return line.TrimEnd('\r');
            }
            // What has no end was cut off.
            if (read.IsCompleted)
                return null;
            if (bytes.Length > Longest)
                throw new InvalidDataException("sends a line without an end");
            _pipe.AdvanceTo(bytes.Start, bytes.End);
        }
    }

    public ValueTask DisposeAsync() => _pipe.CompleteAsync();
}
