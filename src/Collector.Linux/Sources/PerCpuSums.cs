using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Netlink;

namespace Collector.Linux.Sources;

/// <summary>
/// Per-CPU counters of 32 bits, each followed through its own wraps and then summed: a sum of raw values would fall by
/// 2^32 whenever one of them wraps.
/// </summary>
internal sealed class PerCpuSums : INetlinkSink
{
    private const int Width = ConntrackMessage.AttributeCount;
    private readonly long[] _totals = new long[Width];
    private long[] _staged = [];
    private Wrap32[] _wraps = [];
    private int _highest;

    /// <summary>A sum per attribute, -1 where no CPU sent it.</summary>
    public ReadOnlySpan<long> Totals => _totals;

    /// <summary>One more than the highest CPU that was told of.</summary>
    public int Cpus => _highest;

    public void Begin()
    {
        Array.Fill(_staged, -1);
        _highest = 0;
    }

    public bool Take(in NetlinkMessage message)
    {
        Span<long> values = stackalloc long[Width];
        if (!ConntrackMessage.TryParse(message, ConntrackMessage.PerCpu, values, out var cpu))
            return false;
        Reserve(cpu + 1);
        values.CopyTo(_staged.AsSpan(cpu * Width));
        _highest = Math.Max(_highest, cpu + 1);
        return true;
    }

    /// <summary>Takes a CPU's counters from elsewhere, by number of the attribute.</summary>
    /// <param name="cpu">Its number.</param>
    /// <param name="values">The counters.</param>
    /// <param name="sent">A bit per attribute: those that count.</param>
    public void Take(int cpu, ReadOnlySpan<uint> values, uint sent)
    {
        Reserve(cpu + 1);
        var staged = _staged.AsSpan(cpu * Width, Width);
        for (var i = 0; i < Width; i++)
            staged[i] = (sent >> i & 1) != 0 ? values[i] : -1;
        _highest = Math.Max(_highest, cpu + 1);
    }

    /// <summary>What a CPU counts now, by attribute, -1 where it did not send it.</summary>
    public ReadOnlySpan<long> Of(int cpu) => _staged.AsSpan(cpu * Width, Width);

    /// <summary>Makes the dump count, once it is complete.</summary>
    public void Commit()
    {
        Array.Fill(_totals, -1);
        for (var i = 0; i < _highest * Width; i++)
        {
            if (_staged[i] < 0)
                continue;
            // The module was unloaded and loaded again: a reset, not 2^32 events.
            if (_wraps[i].BeganAnew((uint)_staged[i]))
                _wraps[i] = default;
            _totals[i % Width] = Math.Max(0, _totals[i % Width]) + _wraps[i].Update((uint)_staged[i]);
        }
    }

    private void Reserve(int cpus)
    {
        var size = cpus * Width;
        if (size <= _staged.Length)
            return;
        var old = _staged.Length;
        Array.Resize(ref _staged, size);
        Array.Resize(ref _wraps, size);
        _staged.AsSpan(old).Fill(-1);
    }
}
