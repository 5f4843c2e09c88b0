using Collector.Tests.Support;

namespace Collector.Linux.Tests;

/// <summary>What ./test counts of results, and what it does with tests that failed beside all the others.</summary>
public sealed class TestCommandTests : IDisposable
{
    // The command's own functions; instead of tests it runs what is prepared.
    private const string Script = """
        set -uo pipefail
        results=$1
        cd "$2"
        source <(sed -n '/^count() {/,/^}/p; /^failed_in() {/,/^}/p; /^again() {/,/^}/p' test)
        dotnet() { echo "dotnet $*" >"$results/asked"; cp "$results/next" "$results/Fuzz.Tests.again"; }
        declare -A bad=([Fuzz]=1)
        passed=0 failed=0 skipped=0 alone=0
        count "$results/Fuzz.Tests.trx" || exit
        again >"$results/said"
        echo "$passed $failed $skipped $alone ${#bad[@]}"
        """;

    private readonly string _results = Directory.CreateTempSubdirectory("netlens-results-").FullName;

    public void Dispose() => Directory.Delete(_results, recursive: true);

    [Theory]
    [InlineData("Passed", 0, "10 0 0 2 0")]
    [InlineData("Passed", 3, "10 0 3 2 0")]
    [InlineData("Failed", 0, "8 2 0 0 1")]
    public void What_failed_is_run_once_more_alone(string then, int skipped, string counts)
    {
        Write("Fuzz.Tests.trx", "Failed", passed: 8, skipped);
        Write("next", then, passed: 0, skipped: 0);
        File.WriteAllText(Path.Combine(_results, "Fuzz.Tests.log"), "");

        Shell.Run("bash", "-c", Script, "bash", _results, Repository.Root).Trim().ShouldBe(counts);

        File.ReadAllText(Path.Combine(_results, "asked")).ShouldContain("--filter FullyQualifiedName~A.Tests.It_holds ");
        File.ReadAllText(Path.Combine(_results, "said")).Contains("passed only when alone: A.Tests.It_holds\n")
            .ShouldBe(then == "Passed");
    }

    private void Write(string file, string outcome, int passed, int skipped)
    {
        var two = outcome == "Passed" ? (Passed: passed + 2, Failed: 0) : (Passed: passed, Failed: 2);
        var lines = Enumerable.Repeat("""<UnitTestResult testName="A.Tests.It_is_left" outcome="NotExecuted" />""", skipped)
            .Prepend($"""<UnitTestResult testName="A.Tests.It_holds(of: 1)" outcome="{outcome}" />""")
            .Prepend($"""<UnitTestResult testName="A.Tests.It_holds(of: 2)" outcome="{outcome}" />""")
            .Append($"""<Counters total="0" passed="{two.Passed}" failed="{two.Failed}" error="0" timeout="0" aborted="0" />""");
        File.WriteAllLines(Path.Combine(_results, file), lines);
    }
}
