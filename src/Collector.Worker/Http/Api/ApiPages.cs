using System.Diagnostics;
using System.IO.Compression;

namespace Collector.Worker.Http.Api;

/// <summary>An answer.</summary>
/// <param name="Body">Null: there is none.</param>
/// <param name="Round">The collection that it is of, or one that came while it was made.</param>
/// <param name="Begun">When it was made, by the clock of <see cref="Stopwatch"/>.</param>
internal sealed record ApiPage(byte[]? Body, long Round, long Begun);

/// <summary>
/// Answers, each made once per collection however many ask for it, one at a time and with a rest after each: whoever
/// asks for ever other ones keeps a quarter of a processor busy, and who asks for one that there is does not wait.
/// Nothing is made while nobody asks, and nothing kept for long then.
/// </summary>
/// <param name="round">Changes when answers are old.</param>
internal sealed class ApiPages(Func<long> round) : IDisposable
{
    /// <summary>Answers that are kept: whoever asks for ever other windows makes them again.</summary>
    private const int Most = 16;

    /// <summary>Answers that are waited for; by how many does not matter.</summary>
    private const int MostWanted = 16;

    private const string Gzip = " gzip";

    /// <summary>The rest after an answer, by the time that it took.</summary>
    private const int RestFor = 3;

    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(20);

    /// <summary>Who waits longer is sent away.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ApiPage> _pages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _wanted = new(StringComparer.Ordinal);
    private Timer? _sweep;
    private long _ended = Stopwatch.GetTimestamp();
    private TimeSpan _rest;
    private long _round = -1;
    private long _made;

    /// <summary>Answers that were made, ever.</summary>
    public long Made => Interlocked.Read(ref _made);

    /// <summary>An answer of now; null: too many others are waited for, or it took too long.</summary>
    /// <param name="key">What is asked for.</param>
    /// <param name="make">Makes it; null: there is none.</param>
    /// <param name="packed">With gzip.</param>
    /// <param name="fresh">How old it may be, though there was no other collection.</param>
    /// <param name="cancellation">Who asks is gone.</param>
    public async Task<ApiPage?> GetAsync(
        string key, Func<byte[]?> make, bool packed, TimeSpan fresh, CancellationToken cancellation)
    {
        if (Find(key, packed, fresh) is { } page)
            return page;
        if (!TryWant(key))
            return null;
        try
        {
            if (!await _turn.WaitAsync(Patience, cancellation))
                return null;
            try
            {
                // Another may have made it in the meantime.
                return Find(key, packed, fresh) ?? await MakeAsync(key, make, packed, fresh, cancellation);
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            Leave(key);
        }
    }

    private async Task<ApiPage> MakeAsync(
        string key, Func<byte[]?> make, bool packed, TimeSpan fresh, CancellationToken cancellation)
    {
        if (Find(key, packed: false, fresh) is not { } page)
        {
            if (RestLeft() is var left && left > TimeSpan.Zero)
                await Task.Delay(left, cancellation);
            var (now, begun) = (round(), Stopwatch.GetTimestamp());
            page = Keep(key, new(Timed(make), now, begun));
            Interlocked.Increment(ref _made);
        }
        return packed && page.Body is { } plain
            ? Keep(key + Gzip, page with { Body = Timed(() => Pack(plain)) })
            : page;
    }

    private bool TryWant(string key)
    {
        lock (_gate)
        {
            var others = _wanted.GetValueOrDefault(key);
            if (others == 0 && _wanted.Count >= MostWanted)
                return false;
            _wanted[key] = others + 1;
            return true;
        }
    }

    private void Leave(string key)
    {
        lock (_gate)
        {
            if (--_wanted[key] == 0)
                _wanted.Remove(key);
        }
    }

    private ApiPage? Find(string key, bool packed, TimeSpan fresh)
    {
        lock (_gate)
        {
            Renew(round());
            (_sweep ??= new(_ => Sweep())).Change(Kept, Timeout.InfiniteTimeSpan);
            // Where there is none there is nothing to pack.
            var page = packed && _pages.GetValueOrDefault(key) is not { Body: null }
                ? _pages.GetValueOrDefault(key + Gzip)
                : _pages.GetValueOrDefault(key);
            return page is not null && Stopwatch.GetElapsedTime(page.Begun) < fresh ? page : null;
        }
    }

    private ApiPage Keep(string key, ApiPage page)
    {
        lock (_gate)
        {
            Renew(page.Round);
            if (_pages.Count >= Most)
                _pages.Clear();
            return _pages[key] = page;
        }
    }

    private void Renew(long now)
    {
        if (now == _round)
            return;
        _pages.Clear();
        _round = now;
    }

    // Of what is made one after the other the rests add up, whatever becomes of it.
    private byte[]? Timed(Func<byte[]?> make)
    {
        var (start, left) = (Stopwatch.GetTimestamp(), RestLeft());
        try
        {
            return make();
        }
        finally
        {
            _ended = Stopwatch.GetTimestamp();
            var rest = left + (Stopwatch.GetElapsedTime(start, _ended) * RestFor);
            _rest = rest < LongestRest ? rest : LongestRest;
        }
    }

    private TimeSpan RestLeft() =>
        _rest - Stopwatch.GetElapsedTime(_ended) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    private static byte[] Pack(byte[] plain)
    {
        using var packed = new MemoryStream(plain.Length / 8);
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(plain);
        return packed.ToArray();
    }

    private void Sweep()
    {
        lock (_gate)
            _pages.Clear();
    }

    public void Dispose() => _sweep?.Dispose();
}
