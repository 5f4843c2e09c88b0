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
    foreach (var (node, number) in options.Cases.Select((n, i) => (n, i)))
    {
        Console.Error.WriteLine($"scale-run: {Report.Title(node)}");
        all.Add(await Measure(options, node, whole: number < options.Pods.Count));
        // Rewritten after each node, so that a run cut short leaves what it has.
        if (options.Json is { } path)
            Report.WriteJson(path, all);
    }
    Report.Print(Console.Out, all);
    Goals.Print(Console.Out, all);
}

// Where only the number of sockets differs, what sees no pod was measured already.
static async Task<ScaleFigures> Measure(Options options, ScaleCase node, bool whole)
{
    using var pods = new Pods(options.PodsProgram, node.Pods, node.Connections, options.Period);
    await Settle();
    var exporter = whole ? await Exporter.Measure(options.Collections) : null;
    var agents = new Dictionary<string, AgentFigures>();
    foreach (var source in options.Sources)
        agents.Add(source, await new AgentRun(options, () => Agent.Start(options, source)).Measure());
    var hostOnly = whole
        ? await new AgentRun(options, () => Agent.StartHostOnly(options, options.Sources[0])).Measure()
        : null;
    return new(node, agents, hostOnly, exporter);
}

// Profilers attach from outside: perf record -p PID.
static async Task Hold(Options options)
{
    var node = options.Cases.First();
    using var pods = new Pods(options.PodsProgram, node.Pods, node.Connections, options.Period);
    await Settle();
    using var agent = Agent.Start(options, options.Sources[0]);
    await Agent.FirstAnswer(Agent.Port);
    Console.Error.WriteLine($"scale-run: Netlens runs beside {Report.Title(node)} for {options.Hold} s");
    await Task.Delay(TimeSpan.FromSeconds(options.Hold));
}

// New links look for duplicate IPv6 addresses and bridges learn for about two seconds; the pods before are taken down
// by the kernel meanwhile, which keeps the machine busy.
static async Task Settle()
{
    await Task.Delay(TimeSpan.FromSeconds(4));
    for (var i = 0; i < 10; i++)
    {
        var before = CpuMeter.Machine();
        await Task.Delay(TimeSpan.FromSeconds(1));
        if (Agent.Busy(before, CpuMeter.Machine()) < 0.2)
            return;
    }
}
