using System.Diagnostics;

namespace Fuzz.Tests;

/// <param name="Inputs">How many were tried.</param>
/// <param name="Failure">What happened and how to see it again; null when nothing did.</param>
internal sealed record FuzzResult(ulong Inputs, string? Failure);

/// <summary>
/// Runs a target until a time is over or an input breaks it: by an exception, by memory, or by not ending.
/// </summary>
internal sealed class Fuzzer(FuzzTarget target, ulong seed)
{
    /// <summary>Far beyond what any input takes on a machine that is busy otherwise.</summary>
    private static readonly TimeSpan LongestInput = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that one input may make a parser allocate.</summary>
    private const long MostMemory = 64 << 20;

    private ulong _inputs;
    private long _began;
    private volatile string? _failure;
    private byte[] _input = [];

    /// <summary>The first input's number; with the target's name it names every input after it.</summary>
    public static ulong NewSeed() => (ulong)Random.Shared.NextInt64(1L << 40);

    /// <summary>Null where this machine lacks what the target needs.</summary>
    public FuzzResult? Run(TimeSpan time)
    {
        if (target.Open() is not { } parse)
            return null;
        var mutator = new Mutator(target.Samples(), target.Words);
        var clock = Stopwatch.StartNew();
        using var current = new CurrentInput(target.Name);
        return Watch(() =>
        {
            for (var number = seed; _failure is null && clock.Elapsed < time; number++, _inputs++)
                Try(parse, mutator.Make(number), current);
        });
    }

    /// <summary>Tries one input.</summary>
    public FuzzResult? Replay(byte[] input)
    {
        if (target.Open() is not { } parse)
            return null;
        using var current = new CurrentInput(target.Name);
        return Watch(() => Try(parse, input, current));
    }

    private void Try(Action<byte[]> parse, byte[] input, CurrentInput current)
    {
        Volatile.Write(ref _input, input);
        current.Keep(input);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Volatile.Write(ref _began, Stopwatch.GetTimestamp());
        try
        {
            parse(input);
            var taken = GC.GetAllocatedBytesForCurrentThread() - before;
            if (taken > MostMemory)
                _failure = $"took {taken >> 20} MiB";
        }
        catch (Exception e)
        {
            _failure = e.ToString();
        }
        Volatile.Write(ref _began, 0);
    }

    private FuzzResult Watch(ThreadStart work)
    {
        // With a stack as an agent's thread has it: what recurses without end ends the process, and the input is kept.
        var thread = new Thread(work) { IsBackground = true, Name = $"fuzz {target.Name}" };
        thread.Start();
        while (!thread.Join(TimeSpan.FromMilliseconds(200)))
        {
            var began = Volatile.Read(ref _began);
            if (began == 0 || Stopwatch.GetElapsedTime(began) <= LongestInput)
                continue;
            // Should it end after all, no other input is tried.
            _failure = $"has not ended after {LongestInput.TotalSeconds} s";
            break;
        }
        return _failure is null ? new(_inputs, null) : Failed(_failure);
    }

    private FuzzResult Failed(string what)
    {
        var file = InputFiles.Save(target.Name, Volatile.Read(ref _input));
        return new(_inputs, $"{target.Name}: {what}\nagain: tests/Fuzz/run --replay {file}");
    }
}
