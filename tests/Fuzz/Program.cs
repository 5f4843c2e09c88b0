using System.Globalization;
using Collector.Core.Probes;
using Fuzz.Tests;

// Fuzz.Tests [TIME] [TARGET...] [--seed N], or --replay FILE: tests/Fuzz/run.
var words = args.ToList();
if (words is ["--replay", var file])
{
    var found = AllTargets.List.FirstOrDefault(t => t.Name == InputFiles.TargetOf(file));
    if (found is null)
        return Wrong($"{file} is no input of a target: {Names()}");
    return Tell(found, new Fuzzer(found, 0).Replay(CurrentInput.Read(file)));
}
var seed = Fuzzer.NewSeed();
if (words.IndexOf("--seed") is >= 0 and var at)
{
    if (at + 1 >= words.Count || !ulong.TryParse(words[at + 1], NumberStyles.None, null, out seed))
        return Wrong("--seed needs a number");
    words.RemoveRange(at, 2);
}
var time = TimeSpan.FromMinutes(1);
if (words.Count > 0 && DurationText.TryParse(words[0], out var wanted, out _))
{
    time = wanted;
    words.RemoveAt(0);
}
if (words.FirstOrDefault(w => AllTargets.List.All(t => t.Name != w)) is { } unknown)
    return Wrong($"'{unknown}' is neither a time, such as 1h, nor a target: {Names()}");

var targets = AllTargets.List.Where(t => words.Count == 0 || words.Contains(t.Name)).ToList();
Console.WriteLine($"fuzz: seed {seed}, {targets.Count} targets, {DurationText.Format(time)} together");
return targets.Sum(t => Tell(t, new Fuzzer(t, seed).Run(time / targets.Count))) == 0 ? 0 : 1;

static string Names() => string.Join(", ", AllTargets.List.Select(t => t.Name));

static int Wrong(string problem)
{
    Console.Error.WriteLine($"fuzz: {problem}");
    return 2;
}

static int Tell(FuzzTarget target, FuzzResult? result)
{
    Console.WriteLine(result switch
    {
        null => $"fuzz: {target.Name}: this machine has not what it needs",
        { Failure: { } failure } => $"fuzz: FAILED after {result.Inputs} inputs\n{failure}",
        _ => $"fuzz: {target.Name}: {result.Inputs} inputs",
    });
    return result?.Failure is null ? 0 : 1;
}
