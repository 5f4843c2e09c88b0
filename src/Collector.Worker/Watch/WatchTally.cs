namespace Collector.Worker.Watch;

/// <summary>What was seen, held back and lost, by kind.</summary>
internal sealed class WatchTally
{
    private readonly SortedDictionary<string, (long Seen, long Held)> _kinds = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _lost = new(StringComparer.Ordinal);

    public long Seen { get; private set; }

    public long HeldBack { get; private set; }

    public long Lost { get; private set; }

    /// <summary>Lines that nobody here understands.</summary>
    public long Garbage { get; private set; }

    /// <summary>Takes an event, or the number of those that were missed.</summary>
    public void Add(string source, WatchLine line)
    {
        if (line.Lost > 0)
        {
            AddLost(source, line.Lost);
            return;
        }
        var (seen, held) = _kinds.GetValueOrDefault(line.Kind);
        var one = line.IsSummary ? 0 : 1;
        _kinds[line.Kind] = (seen + one, held + line.HeldBack);
        Seen += one;
        HeldBack += line.HeldBack;
    }

    public void AddGarbage() => Garbage++;

    /// <param name="where">At which source, or of which probe.</param>
    /// <param name="count">How many.</param>
    public void AddLost(string where, long count)
    {
        _lost[where] = _lost.GetValueOrDefault(where) + count;
        Lost += count;
    }

    /// <summary>"124 events, 12 held back, 0 lost; tcpreset.sent 80, packetloss.drop 44": most first.</summary>
    public string Line()
    {
        var kinds = string.Join(", ", _kinds.Where(k => k.Value.Seen > 0).OrderByDescending(k => k.Value.Seen)
            .Select(k => $"{k.Key} {k.Value.Seen}"));
        return $"{Counted(Seen)}, {HeldBack} held back, {Lost} lost{(kinds.Length > 0 ? $"; {kinds}" : "")}";
    }

    /// <summary>The same at the end, a line for each kind.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Counted(Seen)}, {HeldBack} held back, {Lost} lost";
        var wide = _kinds.Keys.Select(k => k.Length).DefaultIfEmpty().Max();
        foreach (var (kind, (seen, held)) in _kinds)
            yield return $"  {kind.PadRight(wide)}  {seen}{(held > 0 ? $", {held} held back" : "")}";
        foreach (var (where, count) in _lost)
            yield return $"  lost of {where}: {count}";
        if (Garbage > 0)
            yield return $"  lines that are no events: {Garbage}";
    }

    private static string Counted(long count) => count == 1 ? "1 event" : $"{count} events";
}
