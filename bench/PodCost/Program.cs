using System.Diagnostics;
using System.Globalization;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Pods;
using Pods.Tests.Lab;

namespace Collector.PodCost;

/// <summary>
/// Two processes: the outer one makes a node with containerd and its pods, the inner one is Netlens' part that knows pods,
/// alone, in that node. Its processor time is that of the process, so what the runtime spends is not in it.
/// </summary>
internal static class Program
{
    private const string Inside = "inside";
    private const int FewPods = 20;
    private const int Warmup = 300;
    private const int Collections = 2000;
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(10);

    private static int Main(string[] args)
    {
        if (args is [Inside, var socket, var expected])
            return Measure(socket, int.Parse(expected, CultureInfo.InvariantCulture));
        var pods = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 200;
        using var node = ContainerNode.Start();
        node.Kubelet.RunMany(FewPods, "bench", n => $"few-{n}");
        var few = Run(node, FewPods);
        node.Kubelet.RunMany(pods - FewPods, "bench", n => $"pod-{n}");
        var many = Run(node, pods);

        var perPod = (many.Kept - few.Kept) / (pods - FewPods);
        Print($"pods, status calls for them            {pods}, {many.StatusCalls}");
        Print($"a look while nothing changes           {many.Look:0} us of processor time");
        Print($"                                       {many.Allocated:0} bytes allocated");
        Print($"naming the namespaces, per collection  {many.Names:0.0} us of processor time");
        foreach (var interval in new[] { 1, 15 })
        {
            var share = ((many.Look / 10) + (many.Names / interval)) / 1e6;
            Print($"polled each 10 s, collected each {interval,2} s  {share:0.0000%} of a core");
        }
        Print($"memory per pod                         {perPod} bytes");
        Print($"memory of the client without pods      {(few.Kept - (perPod * FewPods)) / 1024} KiB");
        Print($"resident memory of the process         {many.Resident / 1048576.0:0.0} MiB");
        return 0;
    }

    private static Figures Run(ContainerNode node, int pods)
    {
        var start = node.StartInfo("dotnet", typeof(Program).Assembly.Location, Inside, node.Socket, $"{pods}");
        start.RedirectStandardError = false;
        using var inner = Process.Start(start)!;
        var output = inner.StandardOutput.ReadToEnd();
        inner.WaitForExit();
        return inner.ExitCode == 0
            ? Figures.Parse(output)
            : throw new InvalidOperationException($"the measurement failed: {output}");
    }

    private static int Measure(string socket, int pods)
    {
        // A list each millisecond at most: what one costs follows from their number.
        using var host = new LinuxHost(new KernelPaths(), pods: new PodOptions
        {
            RuntimeEndpoint = socket, Poll = TimeSpan.FromMilliseconds(1),
        });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        host.StartPods(static (warning, text) =>
        {
            if (warning)
                Console.Error.WriteLine(text);
        });
        if (!host.AwaitPods(TimeSpan.FromMinutes(1)))
            return Fail("the runtime did not answer within a minute");
        while (host.Pods.Table.All.Count < pods || Calls(host, "ListPodSandbox") < Warmup)
            Thread.Sleep(10);
        var (calls, cpu) = (Calls(host, "ListPodSandbox"), Environment.CpuUsage.TotalTime);
        var allocated = GC.GetTotalAllocatedBytes();
        Thread.Sleep(Measured);
        calls = Calls(host, "ListPodSandbox") - calls;
        cpu = Environment.CpuUsage.TotalTime - cpu;
        allocated = (GC.GetTotalAllocatedBytes() - allocated) / calls;
        var resident = Environment.WorkingSet;
        var kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        var status = Calls(host, "PodSandboxStatus");
        Console.WriteLine(new Figures(
            status, cpu.TotalMicroseconds / calls, allocated, CostOfNames(host), kept, resident));
        return 0;
    }

    private static long Calls(LinuxHost host, string method) => host.Pods.Statistics.Calls[method];

    private static double CostOfNames(LinuxHost host)
    {
        host.Refresh(0);
        var owners = host.Owners;
        var all = host.Namespaces.All;
        for (var i = 0; i < Warmup; i++)
            owners.Refresh(all);
        var start = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < Collections; i++)
            owners.Refresh(all);
        return (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / Collections;
    }

    private static void Print(FormattableString line) =>
        Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private static int Fail(string why)
    {
        Console.Error.WriteLine($"pod-cost: {why}");
        return 1;
    }
}

/// <summary>What the inner process found out; its only output.</summary>
/// <param name="StatusCalls">Calls for details of a sandbox.</param>
/// <param name="Look">Microseconds of processor time per list.</param>
/// <param name="Allocated">Bytes allocated per list.</param>
/// <param name="Names">Microseconds of processor time per collection.</param>
/// <param name="Kept">Bytes on the heap more than before the runtime was asked.</param>
/// <param name="Resident">Bytes of the process in memory while it lists.</param>
internal sealed record Figures(
    long StatusCalls, double Look, long Allocated, double Names, long Kept, long Resident)
{
    public static Figures Parse(string text)
    {
        var parts = text.Split(' ').Select(p => double.Parse(p, CultureInfo.InvariantCulture)).ToArray();
        return new Figures((long)parts[0], parts[1], (long)parts[2], parts[3], (long)parts[4], (long)parts[5]);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{StatusCalls} {Look} {Allocated} {Names} {Kept} {Resident}");
}
