using System.Collections.Concurrent;
using System.Collections.Frozen;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>A place in the kernel that frees packets.</summary>
/// <param name="Function">The function, without what compilers append (<c>.part.0</c>); empty where unknown.</param>
/// <param name="Text"><c>function+0xoffset</c>.</param>
internal sealed record DropPlace(string Function, string Text);

/// <summary>
/// The places by address, and which of them are muted because what they free has served its purpose. Thread-safe; on
/// the event thread only <see cref="Recall"/>, which looks nothing up.
/// </summary>
internal sealed class DropPlaces(KernelSymbols symbols, DropReasons reasons, BpfMap map)
{
    private const int Most = 8192;
    private readonly ConcurrentDictionary<ulong, DropPlace> _places = new();
    private readonly ConcurrentDictionary<PacketLossPlace, bool> _verdicts = new();
    private readonly HashSet<PacketLossPlace> _muted = [];
    private readonly Lock _lock = new();
    private FrozenSet<(string Function, string Reason)> _ignored = [];
    private bool _closed;

    /// <summary>The place of a return address.</summary>
    public DropPlace Of(ulong address)
    {
        if (_places.TryGetValue(address, out var place))
            return place;
        if (_places.Count >= Most)
            _places.Clear();
        var function = symbols.Name(address, out _);
        var dot = function.IndexOf('.', StringComparison.Ordinal);
        place = new DropPlace(dot > 0 ? function[..dot] : function, symbols.Describe(address));
        return _places.GetOrAdd(address, place);
    }

    /// <summary>True for what the settings call no loss.</summary>
    /// <param name="place">Where.</param>
    /// <param name="reason">The kernel's reason.</param>
    public bool IsIgnored(DropPlace place, uint reason) =>
        Volatile.Read(ref _ignored).Contains((place.Function, reasons.Specific(reason)));

    /// <summary>What was found out about a place before, under the settings of now.</summary>
    public Verdict Recall(ulong address, uint reason) =>
        !_verdicts.TryGetValue(new(address, reason), out var ignored) ? Verdict.Unknown
        : ignored ? Verdict.Nothing
        : Verdict.Event;

    /// <summary>Finds out whether a drop at a place is one; mutes the place where it is none.</summary>
    public bool IsLoss(ulong address, uint reason)
    {
        lock (_lock)
        {
            var ignored = IsIgnored(Of(address), reason);
            if (ignored)
                Mute(address, reason);
            if (_verdicts.Count >= Most)
                _verdicts.Clear();
            _verdicts[new(address, reason)] = ignored;
            return !ignored;
        }
    }

    /// <summary>What to mute from now on; what was muted and is not among it is heard of again.</summary>
    /// <param name="items"><c>function</c>: without a specific reason; <c>function:REASON</c>: with that one.</param>
    public void Ignore(IEnumerable<string> items)
    {
        lock (_lock)
        {
            Volatile.Write(ref _ignored, items.Select(Parse).ToFrozenSet());
            _verdicts.Clear();
            foreach (var place in _muted.Where(m => !IsIgnored(Of(m.Location), (uint)m.Reason)).ToArray())
            {
                map.Delete(place);
                _muted.Remove(place);
            }
        }
    }

    /// <summary>Tells the kernel not to count a place any more; with a full list the user side skips it.</summary>
    public void Mute(ulong address, uint reason)
    {
        var place = new PacketLossPlace(address, reason);
        lock (_lock)
        {
            if (_closed || !_muted.Add(place))
                return;
            try
            {
                map.Update(place, (byte)1);
            }
            catch (LinuxException)
            {
                _muted.Remove(place);
            }
        }
    }

    /// <summary>The map goes: drops that are still on their way mute nothing.</summary>
    public void Close()
    {
        lock (_lock)
            _closed = true;
    }

    private static (string Function, string Reason) Parse(string item)
    {
        var colon = item.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (item, "") : (item[..colon], item[(colon + 1)..]);
    }
}
