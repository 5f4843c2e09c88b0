using System.Diagnostics;
using System.IO.Pipelines;
using Collector.Worker.Recorder;

namespace Collector.Worker.Http;

/// <summary>Sends one reader the events that it asked for, until it has enough or is gone.</summary>
internal sealed class EventStream(
    NetlensHttp http, EventQuery query, EventFraming framing, EventLines lines, PipeWriter body,
    ClientConnection connection)
{
    /// <summary>Bytes after which the reader must take something before there are more.</summary>
    private const int Piece = 32 * 1024;

    private readonly NumberedEvent[] _batch = new NumberedEvent[64];
    private readonly EventCursor _cursor = http.Ring.Begin(query.After);
    private long _left = query.Limit;
    private int _unsent;
    private long _lastSent = Stopwatch.GetTimestamp();

    /// <summary>The number of the event that it has sent or passed over last.</summary>
    public ulong Position => _cursor.Position;

    /// <summary>Returns at the end of what was asked for, or when the token says so.</summary>
    /// <exception cref="TimeoutException">The reader took nothing for too long.</exception>
    /// <exception cref="OperationCanceledException">The reader is gone.</exception>
    public async Task RunAsync(CancellationToken end)
    {
        await FlushAsync(end); // The headers.
        while (!end.IsCancellationRequested)
        {
            var count = await SendNextAsync(end);
            if (_left == 0 || (count == 0 && (!query.Follow || !http.Ring.IsOpen)))
                break;
            if (count == 0 && !await WaitAsync(end))
            {
                framing.Silence(body);
                await FlushAsync(end);
            }
        }
    }

    /// <returns>How many events there were, whether it wants them or not.</returns>
    private async Task<int> SendNextAsync(CancellationToken end)
    {
        var count = _cursor.Read(_batch, out var lost);
        if (lost > 0)
        {
            framing.Lost(body, lost);
            _unsent++;
        }
        for (var i = 0; i < count && _left > 0; i++)
        {
            if (!query.Filter.Matches(_batch[i].Event))
                continue;
            var line = lines.Of(_batch[i]);
            framing.Event(body, _batch[i], line);
            _unsent += line.Length;
            _left--;
            if (_unsent >= Piece)
                await FlushAsync(end);
        }
        Array.Clear(_batch, 0, count);
        if (_unsent > 0)
            await FlushAsync(end);
        return count;
    }

    /// <returns>False when it is time to say something.</returns>
    private async Task<bool> WaitAsync(CancellationToken end)
    {
        var left = http.StreamSilence - Stopwatch.GetElapsedTime(_lastSent);
        if (left <= TimeSpan.Zero)
            return false;
        var news = _cursor.NewsAsync();
        await news.WaitAsync(left, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return news.IsCompleted || end.IsCancellationRequested;
    }

    private async Task FlushAsync(CancellationToken end)
    {
        _unsent = 0;
        await connection.FlushAsync(body, http.StreamPatience, end);
        _lastSent = Stopwatch.GetTimestamp();
    }
}
