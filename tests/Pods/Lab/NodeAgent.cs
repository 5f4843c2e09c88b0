using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Collector.Tests.Support;

namespace Pods.Tests.Lab;

/// <summary>The program as users start it, in a node.</summary>
internal sealed class NodeAgent : IDisposable
{
    private static readonly string Program = TestProgram.Path;

    /// <summary>Probes of the tests: those that tell about a namespace, and fd and io.</summary>
    private const string Probes = "-all,netdev,tcp,udp,ip,icmp,tcpext,ipext,sock,fd,io,pods";

    private readonly ContainerNode _node;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-test-");
    private readonly ConcurrentQueue<string> _log = new();
    private readonly Process _process;
    private readonly HttpClient _http;

    /// <param name="node">Where it runs.</param>
    /// <param name="runtime">
    /// NETLENS_PODS_RUNTIMEENDPOINT: a socket or none; empty, where the file says it or the agent is to search.
    /// </param>
    /// <param name="configuration">Content of the file; a collection each second is added.</param>
    /// <param name="environment">Further variables.</param>
    public NodeAgent(
        ContainerNode node, string runtime, string configuration = "",
        params (string Name, string Value)[] environment)
    {
        _node = node;
        var config = Path.Combine(_folder.FullName, "netlens.yaml");
        File.WriteAllText(config, $"collection: {{ interval: 1s }}\n{configuration}");
        _http = node.Http();
        _http.Timeout = Wait.Patience;
        _http.BaseAddress = new Uri("http://127.0.0.1:9102/");
        // Tests wait for polls, and for the last figures of what ended to leave.
        if (!configuration.Contains("poll", StringComparison.Ordinal))
            environment = [("NETLENS_PODS_POLL", "2s"), .. environment];
        environment = [("NETLENS_PROMETHEUS_SCRAPEINTERVAL", "5s"), .. environment];
        var info = StartInfo(node, runtime, environment, "run", "--config", config);
        _process = Process.Start(info)!;
        _process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is not null)
                _log.Enqueue(e.Data);
        };
        _process.OutputDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        try
        {
            Wait.Until(() => Logged("first snapshot"), "the first snapshot");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>An agent that asks the node's containerd.</summary>
    public static NodeAgent Start(ContainerNode node) => new(node, node.Socket);

    public IEnumerable<string> Log => _log;

    public bool Logged(string text)
    {
        ThrowIfEnded();
        return _log.Any(l => l.Contains(text, StringComparison.Ordinal));
    }

    /// <summary>The page as it is now: the last snapshot.</summary>
    public Page Page(string query = "")
    {
        ThrowIfEnded();
        return new Page(_http.GetStringAsync("metrics" + query).GetAwaiter().GetResult());
    }

    /// <summary>A page of which every figure was read after this call.</summary>
    public Page FreshPage()
    {
        // The snapshot that is being taken now may have begun before: the one after it has not.
        var begun = Newer(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
        return Newer(begun.Time);
    }

    /// <summary>The first page that meets the condition.</summary>
    public Page WaitFor(Func<Page, bool> condition, string what)
    {
        Page? page = null;
        try
        {
            return Wait.For(() => condition(page = Page()) ? page : null, what);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{string.Join('\n', _log.TakeLast(30))}\n{page?.Text}", e);
        }
    }

    /// <summary>The first page that has a series of the pod; others may follow with the next snapshot.</summary>
    public Page WaitForPod(Pod pod) => WaitFor(p => p.OfPod(pod).Count > 0, $"a series of {pod}");

    /// <summary>
    /// A page read while <paramref name="truth"/> stood still, with that truth: background traffic such as IPv6
    /// neighbour discovery moves counters at any time.
    /// </summary>
    public (Page Page, T Truth) Compare<T>(Func<T> truth, Func<T, T, bool> same)
        where T : class
    {
        (Page Page, T Truth)? found = null;
        Wait.Until(() =>
        {
            var before = truth();
            var page = FreshPage();
            if (!same(before, truth()))
                return false;
            found = (page, before);
            return true;
        }, "a second without traffic");
        return found!.Value;
    }

    /// <summary>
    /// The page once the agent has asked the runtime <paramref name="times"/> more times and collected after that.
    /// </summary>
    public Page AfterPolls(int times)
    {
        var asked = Page().Sum("netlens_pods_runtime_calls_total", ("rpc_method", "ListPodSandbox"));
        WaitFor(p => p.Sum("netlens_pods_runtime_calls_total", ("rpc_method", "ListPodSandbox")) >= asked + times,
            $"{times} more calls of ListPodSandbox");
        return FreshPage();
    }

    /// <summary><c>netlens list pods</c> in a process of its own.</summary>
    public static IReadOnlyList<ListedPod> ListPods(ContainerNode node, string? runtime = null)
    {
        var output = Command(node, runtime ?? node.Socket, "list", "pods", "--format", "json");
        return JsonSerializer.Deserialize<List<ListedPod>>(output, JsonSerializerOptions.Web)!;
    }

    /// <summary>Runs a command of the program in the node to its end.</summary>
    public static string Command(ContainerNode node, string runtime, params string[] args)
    {
        using var process = Process.Start(StartInfo(node, runtime, [], args))!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit(Wait.Patience).ShouldBeTrue("the command did not end");
        process.ExitCode.ShouldBe(0, error.GetAwaiter().GetResult());
        return output;
    }

    /// <summary>Resident memory and processor time of the agent.</summary>
    public (double Memory, double Cpu) Cost()
    {
        var page = Page();
        return (page.Value("process_memory_usage_bytes"), page.Sum("process_cpu_time_seconds_total"));
    }

    /// <summary>Ends it as an operator does and gives its exit status.</summary>
    public int Stop()
    {
        var children = File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children").Trim();
        Shell.Run("kill", "-TERM", children);
        _process.WaitForExit(Wait.Patience).ShouldBeTrue("the agent did not end");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _http.Dispose();
        _folder.Delete(recursive: true);
    }

    private static ProcessStartInfo StartInfo(
        ContainerNode node, string runtime, (string Name, string Value)[] environment, params string[] args)
    {
        var info = node.StartInfo([Program, .. args]);
        foreach (var name in info.Environment.Keys
            .Where(k => k.StartsWith("OTEL_") || k.StartsWith("NETLENS_")).ToArray())
            info.Environment.Remove(name);
        info.Environment["NETLENS_PROBES"] = Probes;
        info.Environment["NETLENS_PODS_RUNTIMEENDPOINT"] = runtime;
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        return info;
    }

    private Page Newer(double time) => WaitFor(
        p => p.Time > time, string.Create(CultureInfo.InvariantCulture, $"a snapshot newer than {time}"));

    private void ThrowIfEnded()
    {
        if (_process.HasExited)
        {
            _process.WaitForExit();
            throw new InvalidOperationException($"the agent ended ({_process.ExitCode}):\n{string.Join('\n', _log)}");
        }
    }
}

/// <summary>A pod as <c>netlens list pods --format json</c> prints it.</summary>
internal sealed record ListedPod(
    string Namespace, string Name, string Uid, string Sandbox, ulong? Netns, bool HostNetwork,
    IReadOnlyList<string> Ips, IReadOnlyList<int> Pids, string Source, double Age);
