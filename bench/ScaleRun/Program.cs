using System.Globalization;
using Collector.ScaleRun;

Options options;
try
{
    options = Options.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"scale-run: {e.Message}\n{Options.Usage}");
    return 2;
}
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
try
{
    Node.Prepare();
    if (options.Hold > 0)
        await Hold(options);
    else
        await MeasureAll(options);
    return 0;
}
catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException)
{
    Console.Error.WriteLine($"scale-run: {e.Message}");
    return 1;
}

static async Task MeasureAll(Options options)
{
    var all = new List<ScaleFigures>();
    foreach (var count in options.Pods)
    {
        Console.Error.WriteLine($"scale-run: {count} pods");
        all.Add(await Measure(options, count));
        // Rewritten after each number of pods, so that a run cut short leaves what it has.
        if (options.Json is { } path)
            Report.WriteJson(path, all);
    }
    Report.Print(Console.Out, all);
    Goals.Print(Console.Out, all);
}

static async Task<ScaleFigures> Measure(Options options, int count)
{
    using var pods = new Pods(options.PodsProgram, count, options.Connections);
    await Settle();
    var exporter = await Exporter.Measure(options.Collections);
    var agent = await new AgentRun(options, () => Agent.Start(options)).Measure();
    var hostOnly = await new AgentRun(options, () => Agent.StartHostOnly(options)).Measure();
    return new(count, agent, hostOnly, exporter);
}

// Profilers attach from outside: perf record -p PID.
static async Task Hold(Options options)
{
    using var pods = new Pods(options.PodsProgram, options.Pods[0], options.Connections);
    await Settle();
    using var agent = Agent.Start(options);
    await Agent.FirstAnswer(Agent.Port);
    Console.Error.WriteLine($"scale-run: Netlens runs beside {options.Pods[0]} pods for {options.Hold} s");
    await Task.Delay(TimeSpan.FromSeconds(options.Hold));
}

// New links look for duplicate IPv6 addresses and bridges learn for about two seconds.
static Task Settle() => Task.Delay(TimeSpan.FromSeconds(4));
