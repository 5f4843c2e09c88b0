using System.Text.Json;
using Collector.Core.Snapshots;
using Collector.Worker.Collection;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.View;

namespace Collector.Worker.Agent;

/// <summary>
/// The running agent as a source of views. Costs nothing while nobody asks; safe to use from several threads.
/// </summary>
internal sealed class LiveView(
    NodeCollector collector, History history, RecordKeeper keeper, RecordHeader header, RunningConfiguration running)
{
    private readonly DeviceSpeeds _speeds = new(() => running.Options.Paths);

    /// <summary>Changes with each collection, once it is done.</summary>
    public long Round => collector.Rounds;

    /// <summary>What there is now; null before the first collection. Who takes it disposes of its recording.</summary>
    public ViewSource? Open()
    {
        if ((history.Read() ?? Newest()) is not { } recording)
            return null;
        try
        {
            return new ViewSource
            {
                Recording = recording,
                Facts = Facts(),
                Catalogue = collector.Node.Catalogue,
                Findings = collector.Node.Findings?.Store.All ?? [],
                Events = keeper.Events,
                SpeedOf = _speeds.Of,
                Version = AgentIdentity.Version,
                Now = SnapshotBuilder.UnixNanoseconds(DateTimeOffset.UtcNow),
            };
        }
        catch
        {
            recording.Dispose();
            throw;
        }
    }

    // Without a recorder there is one collection.
    private Recording? Newest()
    {
        var lease = collector.Store.Acquire();
        return lease.Snapshot is { } newest ? new([], [], newest, newest.Moment, lease.Dispose) : null;
    }

    private ViewFacts Facts()
    {
        // As of a file, so that both say the same; without findings, which are not asked here.
        using var document = JsonDocument.Parse(header.Write(new RecordRequest("view", Masked: true, 0, 0)));
        var facts = ViewFacts.Of(document.RootElement);
        return running.Options.Recorder.Memory > 0 ? facts : facts with
        {
            Blind =
            [
                .. facts.Blind,
                new("what was before", "nothing is recorded (recorder.memory)", BlindView.Configuration),
            ],
        };
    }
}
