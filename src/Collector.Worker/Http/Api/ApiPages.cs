using System.Diagnostics;
using System.IO.Compression;

namespace Collector.Worker.Http.Api;

/// <summary>
/// Answers, each made once per collection however many ask for it, one at a time and with a rest after each: whoever
/// asks for ever other ones keeps a quarter of a processor busy. Nothing is made while nobody asks, and nothing kept
/// for long then.
/// </summary>
/// <param name="round">Changes when answers are old.</param>
internal sealed class ApiPages(Func<long> round) : IDisposable
{
    /// <summary>Answers that are kept: whoever asks for ever other windows makes them again.</summary>
    private const int Most = 16;

    private const string Gzip = " gzip";

    /// <summary>The rest after an answer, by the time that it took.</summary>
    private const int RestFor = 3;

    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<string, byte[]?> _pages = new(StringComparer.Ordinal);
    private Timer? _sweep;
    private long _ended = Stopwatch.GetTimestamp();
    private TimeSpan _rest;
    private long _round = -1;
    private long _made;

    /// <summary>Answers that were made, ever.</summary>
    public long Made => Interlocked.Read(ref _made);

    /// <summary>An answer of now.</summary>
    /// <param name="key">What is asked for.</param>
    /// <param name="make">Makes it; null: there is none.</param>
    /// <param name="packed">With gzip.</param>
    /// <param name="cancellation">Who asks is gone.</param>
    public async Task<byte[]?> GetAsync(
        string key, Func<byte[]?> make, bool packed, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (round() is var now && now != _round)
            {
                _pages.Clear();
                _round = now;
            }
            (_sweep ??= new(_ => Sweep())).Change(Kept, Timeout.InfiniteTimeSpan);
            var plain = await FindAsync(key, make, cancellation);
            if (!packed || plain is null)
                return plain;
            return _pages.GetValueOrDefault(key + Gzip) ?? Keep(key + Gzip, Pack(plain));
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<byte[]?> FindAsync(string key, Func<byte[]?> make, CancellationToken cancellation)
    {
        if (_pages.TryGetValue(key, out var page))
            return page;
        if (_rest - Stopwatch.GetElapsedTime(_ended) is var left && left > TimeSpan.Zero)
            await Task.Delay(left, cancellation);
        var start = Stopwatch.GetTimestamp();
        page = make();
        _ended = Stopwatch.GetTimestamp();
        _rest = Stopwatch.GetElapsedTime(start, _ended) * RestFor;
        _rest = _rest < LongestRest ? _rest : LongestRest;
        Interlocked.Increment(ref _made);
        return Keep(key, page);
    }

    private byte[]? Keep(string key, byte[]? page)
    {
        if (_pages.Count >= Most)
            _pages.Clear();
        return _pages[key] = page;
    }

    private static byte[] Pack(byte[] plain)
    {
        using var packed = new MemoryStream(plain.Length / 8);
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(plain);
        return packed.ToArray();
    }

    private void Sweep()
    {
        if (!_turn.Wait(TimeSpan.Zero))
            return; // Somebody asks.
        _pages.Clear();
        _turn.Release();
    }

    public void Dispose() => _sweep?.Dispose();
}
