using System.Diagnostics;

namespace Collector.Worker.Export.Prometheus;

/// <summary>What makes two pages the same: the snapshot, how it is written, and whether it is packed.</summary>
internal readonly record struct PageForm(long Tick, PrometheusPageKind Kind, bool Packed);

/// <summary>A finished page for any number of readers. For one thread, but for the bytes.</summary>
internal sealed class SharedPage(PageForm form, PooledPage bytes, long length)
{
    private readonly Dictionary<object, Action> _readers = [];
    private bool _kept = true;
    private long _lastAsked = Stopwatch.GetTimestamp();

    public PageForm Form => form;

    /// <summary>The page as it is sent.</summary>
    public PooledPage Bytes => bytes;

    /// <summary>Its bytes before compression.</summary>
    public long Length => length;

    /// <summary>True when nobody reads it and nobody new may: its memory is free.</summary>
    public bool IsOver => !_kept && _readers.Count == 0;

    public bool HasReaders => _readers.Count > 0;

    /// <summary>Time since somebody asked for it.</summary>
    public TimeSpan Idle => Stopwatch.GetElapsedTime(_lastAsked);

    /// <summary>A reader comes; <paramref name="cut"/> ends it.</summary>
    public void Enter(object reader, Action cut)
    {
        _readers[reader] = cut;
        _lastAsked = Stopwatch.GetTimestamp();
    }

    public void Leave(object reader) => _readers.Remove(reader);

    /// <summary>No new readers.</summary>
    public void LetGo() => _kept = false;

    /// <summary>What ends each of its readers.</summary>
    public IEnumerable<Action> Cuts() => [.. _readers.Values];
}
