using System.Threading.Channels;

namespace Collector.Worker.Watch;

/// <summary>What a source has to say: one of these.</summary>
/// <param name="Source">The source's name.</param>
internal abstract record WatchItem(string Source);

/// <summary>An event, or how many were lost.</summary>
internal sealed record WatchedEvent(string Source, WatchLine Line) : WatchItem(Source);

/// <summary>Events that will never be seen.</summary>
/// <param name="Source">The source's name.</param>
/// <param name="Where">On whose way they were lost.</param>
/// <param name="Count">How many.</param>
internal sealed record WatchLoss(string Source, string Where, long Count) : WatchItem(Source);

/// <summary>Something that the operator should know, once.</summary>
internal sealed record WatchNotice(string Source, string Text) : WatchItem(Source);

/// <summary>The source cannot be asked at the moment, and is tried again; or it can be again.</summary>
internal sealed record WatchAway(string Source, bool Away) : WatchItem(Source);

/// <summary>A line that is none of an agent's.</summary>
internal sealed record WatchGarbage(string Source, string Line) : WatchItem(Source);

/// <summary>Where events come from: an agent, or this process.</summary>
internal interface IWatchSource
{
    /// <summary>As its lines are marked.</summary>
    string Name { get; }

    /// <summary>Hands on what happens until it is stopped, or cannot go on.</summary>
    /// <returns>An exit code.</returns>
    Task<int> RunAsync(ChannelWriter<WatchItem> into, CancellationToken stop);
}
