using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Collector.Benchmarks;
using Perfolizer.Horology;

const string usage =
    "usage: bench/benchmarks [--check | --update | [--quick] [BenchmarkDotNet's arguments, such as --filter '*Otlp*']]";
var words = args.ToList();
if (words.Contains("--help"))
{
    Console.WriteLine(usage);
    return 0;
}
var quick = words.Remove("--quick");
var check = words.Remove("--check");
var update = words.Remove("--update");
var pins = Environment.GetEnvironmentVariable("NETLENS_BENCH_ALLOCATIONS")
    ?? Path.Combine(AppContext.BaseDirectory, "allocations.json");
if (check)
    return Allocations.Check(pins) ? 0 : 1;
if (update)
{
    Allocations.Update(pins);
    return 0;
}
if (!words.Contains("--filter"))
    words.AddRange(["--filter", "*"]);

// In process: what is measured needs this process's namespaces, and nothing is built a second time.
var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
    .WithWarmupCount(quick ? 2 : 5)
    .WithIterationCount(quick ? 3 : 10)
    .WithIterationTime(TimeInterval.FromMilliseconds(quick ? 50 : 200));
var config = ManualConfig.CreateEmpty()
    .AddJob(job)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddLogger(quick ? NullLogger.Instance : ConsoleLogger.Default)
    .AddExporter(MarkdownExporter.GitHub)
    .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile);
var summaries = BenchmarkSwitcher.FromAssembly(typeof(SyntheticNode).Assembly).Run([.. words], config).ToList();
foreach (var summary in summaries)
    MarkdownExporter.Console.ExportToLog(summary, ConsoleLogger.Default);
return 0;
