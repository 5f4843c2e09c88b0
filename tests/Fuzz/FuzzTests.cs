using System.Globalization;
using Xunit.Abstractions;

namespace Fuzz.Tests;

/// <summary>A minute for all targets together; tests/Fuzz/run takes as long as one likes.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    public static TheoryData<string> Targets => [.. AllTargets.List.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void No_input_breaks_it(string name)
    {
        var target = AllTargets.List.Single(t => t.Name == name);
        var seed = Environment.GetEnvironmentVariable("NETLENS_FUZZ_SEED") is { Length: > 0 } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : Fuzzer.NewSeed();
        var result = new Fuzzer(target, seed).Run(Minute / AllTargets.List.Count);
        output.WriteLine(result is null ? $"{name}: this machine has not what it needs" : string.Create(
            CultureInfo.InvariantCulture, $"{name}: {result.Inputs} inputs, seed {seed}"));
        result?.Failure.ShouldBeNull($"NETLENS_FUZZ_SEED={seed}");
    }

    /// <summary>What broke something once is in the corpus.</summary>
    [Theory]
    [MemberData(nameof(Targets))]
    public void The_samples_themselves_are_taken(string name)
    {
        var target = AllTargets.List.Single(t => t.Name == name);
        if (target.Open() is { } parse)
        {
            foreach (var sample in target.Samples())
                parse(sample);
        }
    }

    [Fact]
    public void The_same_number_makes_the_same_input()
    {
        byte[][] seeds = [[1, 2, 3, 4, 5, 6, 7, 8], [.. "some text"u8]];
        var (one, other) = (new Mutator(seeds, [[9]]), new Mutator(seeds, [[9]]));
        for (var number = 0ul; number < 1000; number++)
            one.Make(number).ShouldBe(other.Make(number));
        Enumerable.Range(0, 1000).Select(n => Convert.ToHexString(one.Make((ulong)n))).Distinct().Count()
            .ShouldBeGreaterThan(500, "samples as short as these are often cut to the same");
    }

    [Fact]
    public void What_breaks_a_parser_is_kept_and_can_be_tried_again()
    {
        var target = FuzzTarget.Of("selftest", static () => [[0, 0]], static input =>
        {
            if (input.Contains((byte)0xff))
                throw new InvalidOperationException("found it");
        });
        var failure = new Fuzzer(target, 1).Run(TimeSpan.FromMinutes(5))!.Failure.ShouldNotBeNull();
        failure.ShouldContain("found it");
        var file = Path.Combine(InputFiles.Broken, Path.GetFileName(failure[failure.LastIndexOf('/')..]));
        InputFiles.TargetOf(file).ShouldBe("selftest");
        new Fuzzer(target, 1).Replay(CurrentInput.Read(file))!.Failure.ShouldNotBeNull().ShouldContain("found it");
        File.Delete(file);
    }

    [Fact]
    public void Memory_without_measure_is_a_failure()
    {
        var target = FuzzTarget.Of("selftest", static () => [[0]], static _ => GC.KeepAlive(new byte[80 << 20]));
        var failure = new Fuzzer(target, 1).Run(TimeSpan.FromMinutes(5))!.Failure.ShouldNotBeNull();
        failure.ShouldContain("took 80 MiB");
        File.Delete(Path.Combine(InputFiles.Broken, Path.GetFileName(failure[failure.LastIndexOf('/')..])));
    }
}
