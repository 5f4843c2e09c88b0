using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Collector.Worker.Events.Outlets;
using Xunit.Abstractions;

namespace Backends.Tests;

/// <summary>
/// A backend that is killed and stays away, and an agent that is killed meanwhile: what was produced is delivered or
/// counted, in order.
/// </summary>
public sealed class SpoolTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Events published during each part of the outage: ten seconds' worth.</summary>
    private const int Outage = 10_000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-kill-");
    private readonly int _port = DebianProgram.FreePort();
    private readonly List<Child> _children = [];

    private string Taken => Path.Combine(_folder.FullName, "taken");

    public void Dispose()
    {
        _children.ForEach(c => c.Dispose());
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("otlp")]
    [InlineData("loki")]
    public void Whoever_is_killed_every_event_is_delivered_or_counted(string kind)
    {
        var backend = StartBackend();
        var first = StartAgent(kind, 0);
        Wait(() => Numbers().Count > 1000);
        backend.Kill();
        var began = first.Last;
        Wait(() => first.Last > began + Outage);
        first.Kill();

        var next = first.Last + 100;
        var second = StartAgent(kind, next);
        Wait(() => second.Last > next + Outage);
        StartBackend();
        Wait(() => Numbers() is [.., var last] && last > next + Outage);
        var end = second.End();
        // What it could not deliver before its end waits for the next one.
        var third = StartAgent(kind, second.Last + 100);
        Wait(() => Numbers() is [.., var last] && last > second.Last);
        third.End().ShouldContain("dropped 0, failed 0, lost 0");

        var taken = Numbers();
        var distinct = new HashSet<int>();
        var inOrder = taken.Where(distinct.Add).ToList();
        inOrder.ShouldBe(inOrder.Order());
        // Twice came at most what was under way when either was killed.
        (taken.Count - distinct.Count).ShouldBeLessThanOrEqualTo(2 * OutletQueue.LargestBatch);
        end.ShouldContain("dropped 0, failed 0, lost 0");
        Enumerable.Range(next, second.Last - next + 1).Where(n => !distinct.Contains(n)).ShouldBeEmpty();
        // Of the first one only its last moment can be missing: what was not yet handed to the disk.
        var missing = Enumerable.Range(0, first.Last + 1).Where(n => !distinct.Contains(n)).ToArray();
        missing.ShouldBe(Enumerable.Range(first.Last + 1 - missing.Length, missing.Length));
        missing.Length.ShouldBeLessThanOrEqualTo(4096);
        output.WriteLine($"{kind}: {first.Last + 1 + second.Last - next + 1} published, {distinct.Count(n => n <= second.Last)} delivered, "
            + $"{taken.Count - distinct.Count} twice, {missing.Length} gone with the killed agent; {end}");
    }

    private Child StartBackend()
    {
        var child = Start("backend", $"{_port}", Taken);
        child.WaitFor("listening");
        return child;
    }

    private Child StartAgent(string kind, int first)
    {
        var child = Start(
            "agent", kind, $"{_port}", Path.Combine(_folder.FullName, "spool"), first.ToString(CultureInfo.InvariantCulture));
        Wait(() => child.Last > 0);
        return child;
    }

    private Child Start(params string[] arguments)
    {
        var child = new Child(arguments);
        _children.Add(child);
        return child;
    }

    private List<int> Numbers()
    {
        using var file = new FileStream(Taken, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        var lines = new StreamReader(file).ReadToEnd().Split('\n');
        return [.. lines.SkipLast(1).Select(l => int.Parse(l, CultureInfo.InvariantCulture))];
    }

    private static void Wait(Func<bool> until)
    {
        for (var clock = Stopwatch.StartNew(); !until(); Thread.Sleep(100))
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromMinutes(3));
    }

    private sealed class Child : IDisposable
    {
        private readonly ConcurrentQueue<string> _lines = new();
        private readonly Process _process;
        private int _last;

        public Child(string[] arguments)
        {
            _process = Process.Start(new ProcessStartInfo(
                "dotnet", [typeof(Child).Assembly.Location, .. arguments])
            {
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true,
            })!;
            _process.OutputDataReceived += (_, line) => Note(line.Data);
            _process.BeginOutputReadLine();
        }

        /// <summary>The last number that it printed.</summary>
        public int Last => Volatile.Read(ref _last);

        public void WaitFor(string line) => Wait(() => _lines.Contains(line));

        public void Kill()
        {
            _process.Kill();
            _process.WaitForExit();
        }

        /// <summary>Ends it in good order and returns what it says last.</summary>
        public string End()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.ExitCode.ShouldBe(0);
            return _lines.Last();
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                Kill();
            _process.Dispose();
        }

        private void Note(string? line)
        {
            if (int.TryParse(line, CultureInfo.InvariantCulture, out var number))
                Volatile.Write(ref _last, number);
            else if (line is not null)
                _lines.Enqueue(line);
        }
    }
}
