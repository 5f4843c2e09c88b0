using System.IO.Compression;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// Each page is rendered once, and packed once, however many ask for it. One at a time, so that readers keep no more
/// than one processor busy; who asks for the same meanwhile waits for it.
/// </summary>
/// <remarks>
/// A packed page is a twentieth of the plain one and stays until the next snapshot; a plain one goes when nobody has
/// asked for it for a second.
/// </remarks>
internal sealed class SharedPages : IDisposable
{
    /// <summary>Pages of earlier snapshots that may still be in the hands of slow readers.</summary>
    private const int MostOld = 2;

    private const int PackedSegment = 64 * 1024;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private readonly List<SharedPage> _pages = [];
    private readonly SnapshotStore _store;
    private readonly Func<PrometheusWriter> _writer;
    private readonly PrometheusStatistics _statistics;
    private readonly Timer _sweep;

    public SharedPages(SnapshotStore store, Func<PrometheusWriter> writer, PrometheusStatistics statistics)
    {
        _store = store;
        _writer = writer;
        _statistics = statistics;
        _sweep = new Timer(_ => Sweep());
    }

    /// <summary>The newest snapshot's page, which the reader leaves when it is done; null without a snapshot.</summary>
    /// <param name="kind">How it is written.</param>
    /// <param name="packed">True for gzip.</param>
    /// <param name="reader">Who asks.</param>
    /// <param name="cut">Ends a reader that is so slow that its page has become old.</param>
    /// <param name="cancellation">The reader is gone.</param>
    public async Task<SharedPage?> EnterAsync(
        PrometheusPageKind kind, bool packed, object reader, Action cut, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            using var lease = _store.Acquire();
            if (lease.Snapshot is not { } snapshot)
                return null;
            var page = Find(new(snapshot.Tick, kind, packed)) ?? Make(snapshot, kind, packed);
            lock (_lock)
                page.Enter(reader, cut);
            return page;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Leave(SharedPage page, object reader)
    {
        lock (_lock)
        {
            page.Leave(reader);
            Collect();
        }
    }

    public void Dispose()
    {
        _sweep.Dispose();
        if (!_turn.Wait(Rest))
            return; // A page is in the making; the process ends with it.
        lock (_lock)
        {
            _pages.ForEach(p => p.LetGo());
            Collect();
        }
    }

    private SharedPage? Find(PageForm form)
    {
        lock (_lock)
            return _pages.Find(p => p.Form == form);
    }

    private SharedPage Make(Snapshot snapshot, PrometheusPageKind kind, bool packed)
    {
        MakeRoom(snapshot.Tick);
        var plain = Find(new(snapshot.Tick, kind, Packed: false)) ?? Render(snapshot, kind);
        return packed ? Pack(plain) : plain;
    }

    private SharedPage Render(Snapshot snapshot, PrometheusPageKind kind)
    {
        var bytes = new PooledPage();
        _statistics.Rendered(_writer().Write(snapshot, kind, bytes));
        return Keep(new(new(snapshot.Tick, kind, Packed: false), bytes, bytes.Length));
    }

    private SharedPage Pack(SharedPage plain)
    {
        var bytes = new PooledPage(PackedSegment);
        using (var packed = new GZipStream(new PageStream(bytes), CompressionLevel.Fastest))
            plain.Bytes.CopyTo(packed);
        return Keep(new(plain.Form with { Packed = true }, bytes, plain.Length));
    }

    private SharedPage Keep(SharedPage page)
    {
        lock (_lock)
        {
            _pages.Add(page);
            _sweep.Change(Rest, Rest);
        }
        return page;
    }

    // Slow readers must not hold a page of every snapshot.
    private void MakeRoom(long tick)
    {
        Action[] cuts;
        lock (_lock)
        {
            LetOldGo(tick);
            var old = _pages.Where(p => p.Form.Tick != tick).ToList();
            cuts = [.. old.Take(Math.Max(0, old.Count - MostOld)).SelectMany(p => p.Cuts())];
        }
        foreach (var cut in cuts)
            cut();
    }

    // Not while a page is made or taken: the plain page that is being packed has no reader. The timer comes again.
    private void Sweep()
    {
        if (!_turn.Wait(0))
            return;
        try
        {
            using var lease = _store.Acquire();
            LetIdleGo(lease.Snapshot?.Tick ?? 0);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void LetIdleGo(long tick)
    {
        lock (_lock)
        {
            foreach (var page in _pages)
            {
                if (!page.Form.Packed && !page.HasReaders && page.Idle >= Rest)
                    page.LetGo();
            }
            LetOldGo(tick);
            if (_pages.Count == 0)
                _sweep.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }

    private void LetOldGo(long tick)
    {
        foreach (var page in _pages)
        {
            if (page.Form.Tick != tick)
                page.LetGo();
        }
        Collect();
    }

    private void Collect()
    {
        for (var i = _pages.Count - 1; i >= 0; i--)
        {
            if (!_pages[i].IsOver)
                continue;
            _pages[i].Bytes.Dispose();
            _pages.RemoveAt(i);
        }
    }
}
