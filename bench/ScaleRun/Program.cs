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
    foreach (var node in options.Cases)
    {
        Console.Error.WriteLine($"scale-run: {Report.Title(node)}");
        all.Add(await Measure(options, node));
        // Rewritten after each node, so that a run cut short leaves what it has.
        if (options.Json is { } path)
            Report.WriteJson(path, all);
    }
    Report.Print(Console.Out, all);
    Goals.Print(Console.Out, all);
}

static async Task<ScaleFigures> Measure(Options options, ScaleCase node)
{
    using var pods = new Pods(options.PodsProgram, node.Pods, node.Connections, options.Period);
    await Settle();
    var host = options.MeasuresHost(node);
    var exporter = host ? await Exporter.Measure(options.Collections) : null;
    var agents = new Dictionary<string, AgentFigures>();
    foreach (var source in options.Sources)
        agents.Add(source, await new AgentRun(options, () => Agent.Start(options, source)).Measure());
    var first = options.Sources[0];
    var push = await new PushRun(options, backend => Agent.StartPushing(options, first, backend)).Measure();
    var hostOnly = host
        ? await new AgentRun(options, () => Agent.StartHostOnly(options, first)).Measure()
        : null;
    if (hostOnly is { Namespaces: not 1 } crowded)
        throw new IOException($"the host alone was {crowded.Namespaces} namespaces");
    return new(node, agents, push, hostOnly, exporter);
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
// by the kernel meanwhile, which keeps the machine busy. What busy pods do stays.
static async Task Settle()
{
    await Task.Delay(TimeSpan.FromSeconds(3));
    for (var (i, last) = (0, 1.0); i < 10; i++)
    {
        var before = CpuMeter.Machine();
        await Task.Delay(TimeSpan.FromSeconds(1));
        var busy = Agent.Busy(before, CpuMeter.Machine());
        if (busy > last - 0.05)
            return;
        last = busy;
    }
}
