using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json;
using System.Threading.Channels;
using Collector.Linux.Interop;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>Shows a source on the terminal until the user, or a signal, ends it.</summary>
/// <param name="source">What is shown.</param>
/// <param name="state">What of it; it has the overview.</param>
/// <param name="colours">Whether severities have colours.</param>
internal sealed class TopSession(ITopSource source, TopState state, bool colours)
{
    /// <summary>Between two times of asking the agent, which answers the same until it has collected.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>Between two looks at the clock.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(500);

    /// <summary>Milliseconds in which the rest of a key comes.</summary>
    private const int RestOfKey = 50;

    private const string Overview = "overview";
    private const int LookForEnd = 200;
    private const int MostBytes = 128;

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly Channel<byte[]?> _keys = Channel.CreateBounded<byte[]?>(256);
    private long _asked;
    private long _came;
    private volatile bool _ended;
    private volatile bool _resumed;

    /// <returns>An exit code.</returns>
    [UnsupportedOSPlatform("windows")]
    public async Task<int> RunAsync(RawTerminal terminal, CancellationToken stop)
    {
        _asked = _came = _clock.GetTimestamp();
        using var resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _keys.Writer.TryWrite([]));
        using var resumed = PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ =>
        {
            _resumed = true;
            _keys.Writer.TryWrite([]);
        });
        using var stopped = stop.Register(() => _keys.Writer.TryWrite([]));
        using var screen = new TopScreen(Console.Out);
        var reader = new Thread(ReadKeys) { IsBackground = true, Name = "keys" };
        reader.Start();
        try
        {
            await ShowAsync(terminal, screen, stop);
        }
        catch (BrokenOutputException)
        {
            // The terminal has gone: nobody is there to be told.
        }
        finally
        {
            _ended = true;
            // Before the last keys are waited for: a second Ctrl-C ends the process as it is.
            screen.Dispose();
            terminal.Dispose();
            reader.Join();
        }
        return ExitCodes.Ok;
    }

    private async Task ShowAsync(RawTerminal terminal, TopScreen screen, CancellationToken stop)
    {
        Task<Dictionary<string, JsonElement>>? asking = null;
        var more = _keys.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        var wanted = false;
        while (!stop.IsCancellationRequested)
        {
            if (asking is { IsCompleted: true })
            {
                Take(await asking);
                asking = null;
            }
            if (asking is null && (wanted || (source.Moment is null && _clock.GetElapsedTime(_asked) >= Interval)))
            {
                wanted = false;
                asking = AskAsync([.. state.Wanted]);
            }
            if (_resumed)
            {
                _resumed = false;
                terminal.Again();
                screen.Forget();
            }
            var frame = Draw(screen);
            await Task.WhenAny(more, asking ?? Task.Delay(Tick, CancellationToken.None),
                Task.Delay(Tick, CancellationToken.None));
            if (!more.IsCompleted)
                continue;
            while (_keys.Reader.TryRead(out var bytes))
            {
                if (bytes is null || !Press(bytes, frame, ref wanted))
                    return;
            }
            more = _keys.Reader.WaitToReadAsync(CancellationToken.None).AsTask();
        }
    }

    /// <returns>False where a key asked for the end.</returns>
    private bool Press(byte[] bytes, TopFrame frame, ref bool wanted)
    {
        foreach (var key in TopKey.Parse(bytes))
        {
            var before = state.Wanted.ToArray();
            var wish = state.Press(key, frame.Room);
            if (wish.Quit)
                return false;
            if (wish.Steps != 0)
                source.Step(wish.Steps);
            wanted |= wish.Steps != 0 || !before.SequenceEqual(state.Wanted);
        }
        return true;
    }

    private TopFrame Draw(TopScreen screen)
    {
        state.Waited = _clock.GetElapsedTime(_came).TotalSeconds;
        var size = StandardStreams.Size(StandardStreams.Output) ?? (80, 24);
        var frame = new TopFrame(size.Columns, size.Rows, colours);
        screen.Draw(frame.Lines(state), size);
        return frame;
    }

    private void Take(Dictionary<string, JsonElement> documents)
    {
        _asked = _clock.GetTimestamp();
        if (documents.TryGetValue(Overview, out var overview))
        {
            // The same one again is as old as it was.
            if (Age(overview) != Age(state.Overview))
                _came = _asked;
            state.Take(documents);
        }
        state.Moment = source.Moment;
    }

    private static (string Time, double? Seconds) Age(JsonElement overview) => (TopDocument.Text(overview, "time"),
        TopDocument.Number(TopDocument.Of(overview, "collection"), "age_seconds"));

    /// <summary>The overview and what else is shown; nothing where there is no overview.</summary>
    private async Task<Dictionary<string, JsonElement>> AskAsync(string[] names)
    {
        (var documents, state.Problem) = await ReadAsync(source, names);
        return documents;
    }

    /// <summary>
    /// The overview and other documents, nothing where there is no overview; and why the first of them that did not
    /// come did not.
    /// </summary>
    public static async Task<(Dictionary<string, JsonElement> Documents, string Problem)> ReadAsync(
        ITopSource source, IEnumerable<string> names)
    {
        var (documents, problem) = (new Dictionary<string, JsonElement>(), "");
        foreach (var name in names.Prepend(Overview))
        {
            if (await source.GetAsync(name) is { } document)
            {
                documents[name] = document;
                continue;
            }
            if (problem.Length == 0)
                problem = source.Problem;
            if (name == Overview)
                break;
        }
        return (documents, problem);
    }

    private void ReadKeys()
    {
        var buffer = new byte[2 * MostBytes];
        while (!_ended)
        {
            // What is typed behind the end is the shell's.
            if (!RawTerminal.IsTyped(LookForEnd) || _ended)
                continue;
            var count = RawTerminal.Read(buffer.AsSpan(0, MostBytes));
            if (count < 0)
            {
                _keys.Writer.TryWrite(null);
                return;
            }
            if (count == 0)
                continue;
            while (count < buffer.Length && TopKey.IsBegun(buffer.AsSpan(0, count)) && RawTerminal.IsTyped(RestOfKey))
            {
                var more = RawTerminal.Read(buffer.AsSpan(count));
                if (more <= 0)
                    break;
                count += more;
            }
            // Who types faster than is drawn loses what is too much.
            _keys.Writer.TryWrite(buffer[..count]);
        }
    }
}
