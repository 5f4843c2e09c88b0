using System.IO.Compression;

namespace Collector.Worker.Http.Api;

/// <summary>
/// Answers, each made once per collection however many ask for it, and one at a time: readers keep no more than one
/// processor busy. Nothing is made while nobody asks, and nothing kept for long then.
/// </summary>
/// <param name="round">Changes when answers are old.</param>
internal sealed class ApiPages(Func<long> round) : IDisposable
{
    /// <summary>Answers that are kept: whoever asks for ever other windows makes them again.</summary>
    private const int Most = 32;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<string, byte[]?> _pages = new(StringComparer.Ordinal);
    private Timer? _sweep;
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
            (_sweep ??= new(_ => Sweep())).Change(Rest, Timeout.InfiniteTimeSpan);
            var plain = Find(key, make);
            return packed && plain is not null ? Find(key + " gzip", () => Pack(plain)) : plain;
        }
        finally
        {
            _turn.Release();
        }
    }

    private byte[]? Find(string key, Func<byte[]?> make)
    {
        if (_pages.TryGetValue(key, out var page))
            return page;
        page = make();
        Interlocked.Increment(ref _made);
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
