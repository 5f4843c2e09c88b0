using System.Collections.Concurrent;
using System.Collections.Frozen;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>A place in the kernel that frees packets.</summary>
/// <param name="Function">The function, without what compilers append (<c>.part.0</c>); empty where unknown.</param>
/// <param name="Text"><c>function+0xoffset</c>.</param>
internal sealed record DropPlace(string Function, string Text);

/// <summary>What a drop means.</summary>
/// <param name="Outcome">To those who sent and awaited it.</param>
/// <param name="IsEvent">It is to be told of.</param>
internal readonly record struct DropVerdict(DropOutcome Outcome, bool IsEvent);

/// <summary>
/// The places by address, what drops there mean, and which of them are muted because what they free has served its
/// purpose. Thread-safe; on the event thread only <see cref="Recall"/>, which looks nothing up.
/// </summary>
internal sealed class DropPlaces(KernelSymbols symbols, DropReasons reasons, BpfMap map)
{
    private const int Most = 8192;
    private static readonly DropPlace Nowhere = new("", "");
    private readonly ConcurrentDictionary<ulong, DropPlace> _places = new();
    private readonly ConcurrentDictionary<DropCase, DropVerdict> _verdicts = new();
    private readonly HashSet<PacketLossPlace> _muted = [];
    private readonly Lock _lock = new();
    private FrozenSet<(string Function, string Reason)> _ignored = [];
    private ProbeSettings? _settings;
    private bool _closed;

    /// <summary>The place of a return address.</summary>
    public DropPlace Of(ulong address)
    {
        if (address == 0)
            return Nowhere;
        if (_places.TryGetValue(address, out var place))
            return place;
        if (_places.Count >= Most)
            _places.Clear();
        var function = symbols.Name(address, out _);
        var dot = function.IndexOf('.', StringComparison.Ordinal);
        place = new DropPlace(dot > 0 ? function[..dot] : function, symbols.Describe(address));
        return _places.GetOrAdd(address, place);
    }

    /// <summary>What was found out before, under the settings of now; null: nothing.</summary>
    public DropVerdict? Recall(DropCase drop) => _verdicts.TryGetValue(drop, out var verdict) ? verdict : null;

    /// <summary>Finds out what a drop means; mutes the place where it is none.</summary>
    public DropVerdict Judge(DropCase drop)
    {
        lock (_lock)
        {
            var verdict = VerdictOf(drop);
            if (verdict.Outcome == DropOutcome.Ignored && drop.Location != 0)
                Mute(drop.Location, drop.Reason);
            if (_verdicts.Count >= Most)
                _verdicts.Clear();
            return _verdicts[drop] = verdict;
        }
    }

    /// <summary>What to mute from now on; what was muted and is not among it is heard of again.</summary>
    /// <param name="settings">
    /// Items are <c>function</c>: without a specific reason, or <c>function:REASON</c>: with that one.
    /// </param>
    public void Configure(ProbeSettings settings)
    {
        lock (_lock)
        {
            _settings = settings;
            _ignored = settings.Get(PacketLossOptions.IgnoreFunctions).Select(Parse).ToFrozenSet();
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

    private DropVerdict VerdictOf(DropCase drop)
    {
        var place = Of(drop.Location);
        if (IsIgnored(place, drop.Reason))
            return new(DropOutcome.Ignored, IsEvent: false);
        var outcome = DropOutcomes.Of(place.Function, reasons.Specific(drop.Reason), drop.Trait);
        return new(outcome, outcome != DropOutcome.Orderly && !ActionOf(drop.Reason).HasFlag(DropActions.Count));
    }

    private bool IsIgnored(DropPlace place, uint reason) =>
        _ignored.Contains((place.Function, reasons.Specific(reason))) || ActionOf(reason).HasFlag(DropActions.Ignore);

    private DropActions ActionOf(uint reason) =>
        _settings is null ? DropActions.Report : reasons.Action(_settings, reason);

    private static (string Function, string Reason) Parse(string item)
    {
        var colon = item.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (item, "") : (item[..colon], item[(colon + 1)..]);
    }
}
