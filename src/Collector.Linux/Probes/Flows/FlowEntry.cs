using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Flows;

/// <summary>What was carried between a namespace and one peer, and how much of it has been told.</summary>
internal sealed class FlowEntry(FlowKey key, CountedNamespace? owner, long now)
{
    /// <summary>The first figures, which grow with those of the open connections and the ended ones together.</summary>
    public const int Counters = 6;

    /// <summary>Those of them that UDP has: bytes and packets.</summary>
    public const int FirstOfUdp = 1;

    /// <summary>How many these are.</summary>
    public const int CountersOfUdp = 4;

    /// <summary>Bytes that a packet has beside what it carries, for the order of flows.</summary>
    private const long Header = 40;

    private readonly long[] _told = new long[Counters];
    private FlowFigures _ended;
    private FlowFigures _open;
    private FlowFigures _before;
    private bool _fell;

    public FlowKey Key => key;

    public CountedNamespace? Owner => owner;

    /// <summary>Of connections that ended, or of datagrams.</summary>
    public ref FlowFigures Ended => ref _ended;

    /// <summary>Of those that are open.</summary>
    public ref FlowFigures Open => ref _open;

    /// <summary>The growth since the last collection: <see cref="Counters"/> figures.</summary>
    public long[] Growth { get; } = new long[Counters];

    /// <summary>Microseconds, of those open now and those that ended since the last collection.</summary>
    public long Rtt { get; private set; }

    public long Rtts { get; private set; }

    /// <summary>Where it belongs.</summary>
    public FlowNamespace? Home { get; set; }

    /// <summary>Its place there.</summary>
    public int Place { get; set; }

    /// <summary>Its own row; null: it is one of the others.</summary>
    public FlowRow? Row { get; set; }

    /// <summary>Moment of the last collection with growth.</summary>
    public long ChangedAt { get; private set; } = now;

    /// <summary>Bytes, those of long ago for less.</summary>
    public long Rank { get; private set; }

    /// <summary>Takes over what was read.</summary>
    /// <param name="at">The moment of the collection.</param>
    /// <param name="silent">What is there now was there before, or has been told of another key.</param>
    public void Advance(long at, bool silent)
    {
        var ended = AsCounters(in _ended);
        var open = AsCounters(in _open);
        var (fell, grew) = (false, false);
        for (var i = 0; i < Counters; i++)
        {
            var growth = ended[i] + open[i] - _told[i];
            // One that ended between the two readings is in neither: next time it is back. Twice in a row it is not.
            if (growth < 0)
                fell = true;
            if (growth >= 0 || _fell)
                _told[i] += growth;
            Growth[i] = silent ? 0 : Math.Max(growth, 0);
            grew |= growth > 0;
        }
        _fell = fell;
        Rtt = Ended.Rtt - _before.Rtt + Open.Rtt;
        Rtts = Ended.Rtts - _before.Rtts + Open.Rtts;
        _before = Ended;
        if (grew)
            ChangedAt = at;
        Rank = Rank / 2 + Growth[1] + Growth[2] + Header * (Growth[3] + Growth[4]);
    }

    /// <summary>Something is to be told of it.</summary>
    public bool HasGrown => Growth.AsSpan().ContainsAnyExcept(0);

    /// <summary>Nothing has happened since that moment.</summary>
    public bool IsIdle(long since) => ChangedAt < since;

    private static ReadOnlySpan<long> AsCounters(in FlowFigures figures) =>
        MemoryMarshal.Cast<FlowFigures, long>(MemoryMarshal.CreateReadOnlySpan(in figures, 1))[..Counters];
}

/// <summary>A row of figures that only grow.</summary>
/// <param name="row">What it is called.</param>
/// <param name="first">The first figure that it has.</param>
/// <param name="count">How many it has.</param>
internal sealed class FlowRow(Row row, int first, int count)
{
    private readonly long[] _values = new long[FlowEntry.Counters];
    private long _rtt;
    private long _rtts;

    public Row Row { get; set; } = row;

    /// <summary>Version of the pods among which its peer was looked for.</summary>
    public long PeersVersion { get; set; } = -1;

    public void Begin() => (_rtt, _rtts) = (0, 0);

    public void Add(FlowEntry entry)
    {
        for (var i = 0; i < _values.Length; i++)
            _values[i] += entry.Growth[i];
        _rtt += entry.Rtt;
        _rtts += entry.Rtts;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(Row);
        for (var i = first; i < first + count; i++)
            writer.Set(i, _values[i]);
        if (_rtts > 0)
            writer.Set(FlowEntry.Counters, _rtt / _rtts);
    }
}
