using System.CommandLine;
using Collector.Core.Compatibility;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Drops;
using Collector.Worker.Agent;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Commands;

/// <summary>What commands that look into a recording have in common.</summary>
internal static class Replays
{
    private static readonly RecordReaderOptions Reader = new(
        AgentIdentity.Version, [.. NodeFactory.Catalogue.SelectMany(p => p.AllTables), LedgerLines.Figures],
        [.. NodeFactory.Catalogue.SelectMany(p => p.Events)]);

    public static Option<string?> File() => new("--replay")
    {
        Description = "Look into a recording instead of at this machine.", HelpName = "FILE",
    };

    public static Option<string?> At()
    {
        var option = new Option<string?>("--at")
        {
            Description = "With --replay: as it was at this time (RFC 3339). [default: the end]", HelpName = "TIME",
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => TimeOf(t.Value) is null))
                result.AddError($"--at: '{Output.Printable(token.Value)}' is no time, such as 2026-11-30T04:05:00Z");
        });
        return option;
    }

    /// <summary>Unix nanoseconds; null where the text is no time.</summary>
    public static long? TimeOf(string? text) =>
        text is not null && PointInTime.TryParse(text, out var time) ? time : null;

    /// <summary>When it was written, or the newest thing in it was, Unix nanoseconds.</summary>
    public static long EndOf(RecordFile file) => TimeOf(file.Text("time")) is { } written
        ? written + (TimeSpan.TicksPerSecond * 100)
        : file.Events.Select(e => e.Event.Time).DefaultIfEmpty(0).Max();

    /// <summary>A recording, with what is wrong with it said; null where nothing of it can be used.</summary>
    public static RecordFile? Open(string path)
    {
        try
        {
            var file = RecordFile.Open(path, Reader);
            if (file.Damage is { } damage)
                Output.Error($"{path}: {damage}; what is in front of that is used");
            return file;
        }
        catch (InvalidDataException e)
        {
            Output.Error(e.Message);
            return null;
        }
    }

    /// <summary>
    /// The collection of a time, or what happened in the time before it; null after a message where there is none.
    /// </summary>
    /// <param name="file">The recording.</param>
    /// <param name="at">Unix nanoseconds; null: the newest.</param>
    /// <param name="span">How long to look back; zero: not at all.</param>
    public static Snapshot? At(RecordFile file, long? at, TimeSpan span)
    {
        if (PlaceIn(file, at) is not { } index)
            return null;
        var recording = file.Collections!;
        var replay = recording.Replay();
        if (span <= TimeSpan.Zero)
            return replay.MoveTo(index);
        var since = recording.Times[index].Moment - (span.Ticks * 100);
        var begin = index;
        while (begin > 0 && recording.Times[begin].Moment > since)
            begin--;
        replay.MoveTo(begin);
        using var earlier = replay.Store.Acquire();
        var later = begin == index ? earlier.Snapshot! : replay.MoveTo(index);
        return Export.Series.SnapshotGrowth.Between(earlier.Snapshot!, later, TimeProvider.System);
    }

    /// <summary>Place of the collection of a time; null after a message where there is none.</summary>
    /// <param name="file">The recording.</param>
    /// <param name="at">Unix nanoseconds; null: the newest.</param>
    public static int? PlaceIn(RecordFile file, long? at)
    {
        if (file.Collections is not { } recording)
        {
            Output.Error("the recording has no collection");
            return null;
        }
        var index = recording.IndexAt(at ?? long.MaxValue);
        if (index >= 0)
            return index;
        var first = DateTimeOffset.UnixEpoch.AddTicks(recording.Times[0].Time / 100);
        Output.Error($"--at: the recording begins at {first:yyyy-MM-dd'T'HH:mm:ss'Z'}");
        return null;
    }
}
