using System.Threading.Channels;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Worker.Hosting;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Shows what the sources tell, until enough was seen.</summary>
/// <param name="screen">Where.</param>
/// <param name="printer">In which words.</param>
/// <param name="time">For how long; null: no end.</param>
/// <param name="count">How many events; null: no end.</param>
/// <param name="isReaderGone">Whether nobody reads what is printed.</param>
internal sealed class WatchSession(
    WatchScreen screen, WatchPrinter printer, TimeSpan? time, long? count, Func<bool> isReaderGone)
{
    /// <summary>Between two looks at the counts and the reader.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(500);

    /// <summary>What may wait here: a slow terminal holds its agents up, and they know what they throw away.</summary>
    private const int Waiting = 1024;

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly WatchTally _tally = new();
    private readonly List<WatchWords> _words = [];
    private readonly HashSet<string> _garbled = [];
    private readonly SortedSet<string> _away = new(StringComparer.Ordinal);
    private long _start;

    private bool IsFull => _tally.Seen >= count;

    /// <returns>An exit code.</returns>
    public async Task<int> RunAsync(IReadOnlyList<IWatchSource> sources, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        if (time is { } limit)
            end.CancelAfter(limit);
        _start = _clock.GetTimestamp();
        var items = Channel.CreateBounded<WatchItem>(Waiting);
        var running = Task.WhenAll(sources.Select(s => Task.Run(() => s.RunAsync(items.Writer, end.Token))));
        _ = running.ContinueWith(
            r => items.Writer.Complete(r.Exception?.InnerException), TaskScheduler.Default);
        var read = false;
        try
        {
            read = await ShowAsync(items.Reader, end);
        }
        finally
        {
            await end.CancelAsync();
            screen.End();
        }
        if (!read)
            return ExitCodes.Ok;
        var codes = await running;
        if (_tally.Seen > 0 || codes.Contains(ExitCodes.Ok))
            Summarise();
        return codes.Max();
    }

    /// <returns>False when the reader of the output has gone.</returns>
    private async Task<bool> ShowAsync(ChannelReader<WatchItem> items, CancellationTokenSource end)
    {
        var more = items.WaitToReadAsync().AsTask();
        while (true)
        {
            await Task.WhenAny(more, Task.Delay(Tick, _clock));
            if (more.IsCompleted)
            {
                if (!await more)
                    return true;
                for (var taken = 0; taken < Waiting && items.TryRead(out var item); taken++)
                    Take(item);
                more = items.WaitToReadAsync().AsTask();
            }
            Draw();
            if (isReaderGone())
                return false;
            if (IsFull)
                await end.CancelAsync();
        }
    }

    private void Take(WatchItem item)
    {
        switch (item)
        {
            case WatchedEvent when IsFull:
                break;
            case WatchedEvent { Line: var line }:
                _tally.Add(item.Source, line);
                if (line.Lost == 0 || printer.PrintsLosses)
                    _words.Add(printer.Of(item.Source, line));
                if (line.Lost > 0)
                    Complain($"{item.Source} had {line.Lost} events for us that we were too slow for");
                break;
            case WatchLoss loss:
                _tally.AddLost(loss.Where, loss.Count);
                break;
            case WatchGarbage garbage:
                _tally.AddGarbage();
                if (_garbled.Add(item.Source))
                    Complain($"{item.Source} sends what is no event: {Beginning(garbage.Line)}");
                break;
            case WatchAway { Away: true }:
                _away.Add(item.Source);
                break;
            case WatchAway:
                _away.Remove(item.Source);
                break;
            case WatchNotice { Text: var text }:
                Complain(text);
                break;
        }
    }

    // What was there before it is printed before it.
    private void Complain(string text)
    {
        Draw();
        Output.Error(text);
    }

    private void Draw()
    {
        screen.Print(_words, $"{DurationText.Format(Elapsed)}  {Away}{_tally.Line()}");
        _words.Clear();
    }

    private void Summarise()
    {
        var elapsed = DurationText.Format(Elapsed);
        foreach (var (line, i) in _tally.Lines().Select((l, i) => (l, i)))
            Output.Error(i == 0 ? $"{line} in {elapsed}" : line);
    }

    // In front: what does not fit is left out behind.
    private string Away => _away.Count == 0 ? "" : $"trying again: {string.Join(", ", _away)}  ";

    // Whole seconds: nobody reads more of a line that changes.
    private TimeSpan Elapsed => TimeSpan.FromSeconds(Math.Floor(_clock.GetElapsedTime(_start).TotalSeconds));

    private static string Beginning(string line) => line.Length > 60 ? line[..60] + "..." : line;
}
