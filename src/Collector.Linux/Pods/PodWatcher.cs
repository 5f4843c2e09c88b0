using System.Collections.Frozen;
using System.Diagnostics;
using System.Text;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods.Cri;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Collector.Linux.Pods;

/// <summary>
/// Keeps the table of pods: lists the runtime's sandboxes when something shows that there is a new one, and every
/// <see cref="PodOptions.Poll"/>; asks for the details of a sandbox once in its life.
/// </summary>
/// <remarks>
/// Not ListPodSandboxStats, which asks every pod's shim, nor by default the event stream, which on containerd 1.7 takes
/// events away from the kubelet.
/// </remarks>
internal sealed class PodWatcher : IDisposable
{
    private const int StatusCallsAtOnce = 8;
    private const int LongestId = 256;
    private const int MostRejected = 4096;
    private const long TombstoneMilliseconds = 120_000;
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly KernelPaths _paths;
    private readonly NamespaceRegistry _namespaces;
    private readonly PodOptions _options;
    private readonly PodLabels _labels;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _refused = [];
    private readonly HashSet<(string Reason, string Sandbox)> _rejected = [];
    private Dictionary<string, Pod> _pods = [];
    private volatile PodTable _table = PodTable.Empty;
    private PodSigns? _signs;
    private CriClient? _client;
    private string? _socket;
    private string _said = "";
    private Task _task = Task.CompletedTask;
    private Task _events = Task.CompletedTask;
    private bool _retry;
    private bool _namesOwed;
    private int _looksSinceSign;
    private int _failures;

    public PodWatcher(KernelPaths paths, NamespaceRegistry namespaces, PodOptions options)
    {
        _paths = paths;
        _namespaces = namespaces;
        _options = options;
        _labels = new PodLabels(options.Labels, Statistics.Reject);
    }

    /// <summary>The pods as last seen; never changes, another takes its place.</summary>
    public PodTable Table => _table;

    /// <summary>True where what processes do is told by container.</summary>
    public bool ByContainer => _options.Containers;

    public PodStatistics Statistics { get; } = new();

    /// <summary>Takes lines for the agent's log: is it a warning, and the text.</summary>
    public Action<bool, string> Log { get; set; } = static (_, _) => { };

    /// <summary>Name and version of the runtime; null while none answers.</summary>
    public string? Runtime { get; private set; }

    /// <summary>Begins to look; does nothing where no runtime is to be asked.</summary>
    public void Start()
    {
        if (_options.RuntimeEndpoint == PodOptions.None || _paths.Recorded)
        {
            _firstLook.TrySetResult();
            return;
        }
        _signs = new PodSigns(_paths, _namespaces.PathOfMount("/run/netns"), Sign);
        _task = Task.Run(() => RunAsync(_stop.Token));
    }

    /// <summary>Waits until the runtime was asked once, with whatever outcome.</summary>
    public bool WaitForFirstLook(TimeSpan limit) => _firstLook.Task.Wait(limit);

    /// <summary>
    /// Looks at once: a collection met a pod's UID, its namespace's name or a container's id that nobody knows.
    /// </summary>
    public void Expect(string sign) => _signs?.Expect(sign);

    private void Sign()
    {
        _looksSinceSign = 0;
        try
        {
            _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has been told already.
        }
    }

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                _signs!.Refresh();
                await LookAsync(stop).ConfigureAwait(false);
                _firstLook.TrySetResult();
                _signs.Settle(_table);
                if (await _signal.WaitAsync(Pause(), stop).ConfigureAwait(false))
                    await Task.Delay(Debounce, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The agent stops.
        }
        finally
        {
            _firstLook.TrySetResult();
        }
    }

    // A new pod shows before the runtime lists it: looks follow each other quickly at first.
    private TimeSpan Pause()
    {
        if (!Statistics.Connected)
            return TimeSpan.FromTicks(Math.Min(_options.Poll.Ticks, Second.Ticks << Math.Min(_failures, 8)));
        if (_signs!.Any)
            return TimeSpan.FromTicks(Math.Min(Second.Ticks, Soon.Ticks << Math.Min(_looksSinceSign++, 8)));
        return _retry ? Second : _options.Poll;
    }

    private async Task LookAsync(CancellationToken stop)
    {
        try
        {
            if (!Statistics.Connected && !await ConnectAsync(stop).ConfigureAwait(false))
                return;
            var request = new ListPodSandboxRequest();
            var list = await CallAsync("ListPodSandbox", request, ListPodSandboxResponse.Parser, stop)
                .ConfigureAwait(false);
            await UpdateAsync(list.Items, stop).ConfigureAwait(false);
        }
        catch (CriException e)
        {
            Statistics.Connected = false;
            Runtime = null;
            _failures++;
            // Docker's containerd is there for Docker alone: nothing is wrong.
            if (e.Reason == "unimplemented")
                Say(false, $"{_socket} is no CRI v1 runtime ({e.Message}): pods have no names");
            else
                Say(true, $"container runtime: {e.Message}; pods keep the names that are known");
        }
    }

    private async Task<bool> ConnectAsync(CancellationToken stop)
    {
        var socket = RuntimeSockets.Find(_paths, _options.RuntimeEndpoint);
        if (socket is null)
        {
            Say(false, $"no container runtime at {string.Join(", ", RuntimeSockets.Usual)}: pods have no names "
                + "(pods.runtimeEndpoint names another socket)");
            _socket = null;
            _failures = 8;
            return false;
        }
        if (_client is null || socket != _socket)
        {
            _client?.Dispose();
            _client = new CriClient(socket);
            _socket = socket;
        }
        var version = await CallAsync("Version", new VersionRequest(), VersionResponse.Parser, stop)
            .ConfigureAwait(false);
        Runtime = $"{Printable(version.RuntimeName)} {Printable(version.RuntimeVersion)}";
        Statistics.Connected = true;
        _failures = 0;
        Say(false, $"container runtime {Runtime} at {socket}");
        if (_options.Events && _events.IsCompleted)
            _events = Task.Run(() => ListenAsync(_client, stop), stop);
        return true;
    }

    private static string Printable(string text) =>
        new([.. text.Take(64).Select(c => c is > ' ' and < '\u007f' ? c : '_')]);

    // Once for each state of affairs.
    private void Say(bool warning, string text)
    {
        if (text == _said)
            return;
        _said = text;
        Log(warning, text);
    }

    private async Task<T> CallAsync<T>(
        string method, IMessage request, MessageParser<T> parser, CancellationToken stop) where T : IMessage<T>
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            return await _client!.CallAsync(method, request, parser, stop).ConfigureAwait(false);
        }
        catch (CriException e)
        {
            Statistics.Failed(method, e.Reason);
            throw;
        }
        finally
        {
            Statistics.Called(method, Stopwatch.GetElapsedTime(start));
        }
    }

    private async Task UpdateAsync(RepeatedField<PodSandbox> listed, CancellationToken stop)
    {
        var present = new Dictionary<string, PodSandbox>(listed.Count);
        foreach (var sandbox in listed)
        {
            if (sandbox.Id.Length is 0 or > LongestId)
                RejectOnce("id", "");
            else if (!present.TryAdd(sandbox.Id, sandbox))
                RejectOnce("duplicate", sandbox.Id);
        }
        var changed = Mark(present);
        var found = await ResolveAsync(
            [.. present.Values.Where(s => s.State == PodSandboxState.SandboxReady
                && !_pods.ContainsKey(s.Id) && !_refused.Contains(s.Id))], stop).ConfigureAwait(false);
        _refused.IntersectWith(present.Keys);
        var containers = _options.Containers && (changed || found.Count > 0 || _namesOwed || _signs!.Any)
            ? await NamesAsync(stop).ConfigureAwait(false)
            : _table.Containers;
        if (!changed && found.Count == 0 && ReferenceEquals(containers, _table.Containers))
            return;
        foreach (var pod in found)
            _pods[pod.Sandbox] = pod;
        var table = new PodTable(_pods.Values, _table.Version + 1, containers);
        foreach (var pod in table.All)
        {
            if (pod is { Ready: true, Names.IsSecondary: true }
                || (pod.NetnsPath.Length > 0 && table.OfPath(pod.NetnsPath) != pod))
            {
                RejectOnce("duplicate", pod.Sandbox);
            }
        }
        // Those that the table ranked: names stay one object as long as they say the same.
        _pods = table.All.ToDictionary(p => p.Sandbox);
        _table = table;
        foreach (var pod in found)
        {
            if (_signs!.Age(pod) is { } age)
                Statistics.Resolved(age);
        }
    }

    /// <summary>The names of all containers by id; the table's own object where they are the same.</summary>
    private async Task<FrozenDictionary<string, string>> NamesAsync(CancellationToken stop)
    {
        var before = _table.Containers;
        ListContainersResponse list;
        try
        {
            list = await CallAsync("ListContainers", new ListContainersRequest(), ListContainersResponse.Parser, stop)
                .ConfigureAwait(false);
        }
        catch (CriException)
        {
            // Pods have their names all the same.
            _retry = _namesOwed = true;
            return before;
        }
        _namesOwed = false;
        var names = new Dictionary<string, string>(list.Containers.Count);
        foreach (var container in list.Containers)
        {
            if (container.Id.Length is 0 or > LongestId || container.Metadata is not { Name.Length: > 0 } metadata)
                RejectOnce("container", container.Id.Length > LongestId ? "" : container.Id);
            else if (!names.ContainsKey(container.Id))
                names.Add(container.Id, before.GetValueOrDefault(container.Id) ?? _labels.Name(metadata.Name));
        }
        return names.Count == before.Count && names.Keys.All(before.ContainsKey) ? before : names.ToFrozenDictionary();
    }

    // The list says it again every time.
    private void RejectOnce(string reason, string sandbox)
    {
        if (_rejected.Count >= MostRejected)
            _rejected.Clear();
        if (_rejected.Add((reason, sandbox)))
            Statistics.Reject(reason);
    }

    /// <summary>Notes which known sandboxes ended; true when something changed.</summary>
    private bool Mark(Dictionary<string, PodSandbox> present)
    {
        var now = Environment.TickCount64;
        var changed = false;
        foreach (var pod in _pods.Values.ToArray())
        {
            if (!present.TryGetValue(pod.Sandbox, out var sandbox))
            {
                if (pod.GoneAt == 0)
                    changed |= Replace(pod with { Ready = false, GoneAt = now });
                else if (now - pod.GoneAt > TombstoneMilliseconds)
                    changed |= _pods.Remove(pod.Sandbox);
                continue;
            }
            var ready = sandbox.State == PodSandboxState.SandboxReady;
            if (pod.Ready != ready || pod.GoneAt != 0)
                changed |= Replace(pod with { Ready = ready, GoneAt = 0 });
        }
        return changed;
    }

    private bool Replace(Pod pod)
    {
        _pods[pod.Sandbox] = pod;
        return true;
    }

    private async Task<List<Pod>> ResolveAsync(List<PodSandbox> sandboxes, CancellationToken stop)
    {
        var found = new List<Pod>();
        _retry = false;
        await Parallel.ForEachAsync(
            sandboxes, new ParallelOptions { MaxDegreeOfParallelism = StatusCallsAtOnce, CancellationToken = stop },
            async (sandbox, cancel) =>
            {
                if (await TryResolveAsync(sandbox, cancel).ConfigureAwait(false) is not { } pod)
                    return;
                lock (found)
                    found.Add(pod);
            }).ConfigureAwait(false);
        return found;
    }

    private async Task<Pod?> TryResolveAsync(PodSandbox sandbox, CancellationToken stop)
    {
        try
        {
            // Labels and names first: what is no pod costs no call.
            SubjectNames? names;
            lock (_labels)
                names = _labels.NamesOf(sandbox);
            if (names is null)
            {
                Refuse(sandbox.Id);
                return null;
            }
            var response = await CallAsync("PodSandboxStatus",
                new PodSandboxStatusRequest { PodSandboxId = sandbox.Id, Verbose = true },
                PodSandboxStatusResponse.Parser, stop).ConfigureAwait(false);
            var details = SandboxDetails.Of(response);
            if (!details.IsEnough)
                details = details with { Pid = await PidOfAContainerAsync(sandbox.Id, stop).ConfigureAwait(false) };
            if (!details.IsEnough)
            {
                Statistics.Reject("bad_status");
                Refuse(sandbox.Id);
                return null;
            }
            var (inode, cookie) = details.HostNetwork ? (0, 0) : NetnsOf(details, sandbox);
            return new Pod
            {
                Sandbox = sandbox.Id,
                Names = names,
                Created = sandbox.CreatedAt,
                Attempt = sandbox.Metadata.Attempt,
                HostNetwork = details.HostNetwork,
                NetnsPath = details.NetnsPath,
                Netns = inode,
                NetnsCookie = cookie,
                Pid = details.Pid,
                Addresses = details.Addresses,
            };
        }
        catch (CriException e) when (e.Status == CriException.NotFound)
        {
            return null; // Removed since it was listed.
        }
        catch (CriException)
        {
            _retry = true;
            return null;
        }
    }

    private void Refuse(string sandbox)
    {
        lock (_refused)
            _refused.Add(sandbox);
    }

    // CRI-O may run a pod without a process of its own: then one of its containers tells.
    private async Task<int> PidOfAContainerAsync(string sandbox, CancellationToken stop)
    {
        var list = await CallAsync("ListContainers",
            new ListContainersRequest { Filter = new ContainerFilter { PodSandboxId = sandbox } },
            ListContainersResponse.Parser, stop).ConfigureAwait(false);
        foreach (var container in list.Containers.Where(c => c.State == ContainerState.ContainerRunning))
        {
            var status = await CallAsync("ContainerStatus",
                new ContainerStatusRequest { ContainerId = container.Id, Verbose = true },
                ContainerStatusResponse.Parser, stop).ConfigureAwait(false);
            if (SandboxDetails.PidOf(status) is > 0 and var pid)
                return pid;
        }
        return 0;
    }

    /// <summary>
    /// The namespace's inode and cookie, by its mount, or by its process as long as that is in the sandbox's or the
    /// pod's cgroup: a process id that was used again is somebody else's.
    /// </summary>
    private (ulong Inode, ulong Cookie) NetnsOf(SandboxDetails details, PodSandbox sandbox)
    {
        var path = details.NetnsPath.Length > 0
            ? _namespaces.PathOfMount(details.NetnsPath)
            : $"{_paths.Proc}/{details.Pid}/ns/net";
        try
        {
            using var fd = SafeFd.Open(path);
            if (details.NetnsPath.Length == 0 && !IsOf(details.Pid, sandbox))
                return (0, 0);
            return (fd.Inode(), _namespaces.CookieOf(fd));
        }
        catch (LinuxException)
        {
            return (0, 0); // Gone already, or not ours to see; the collection tries again by the path.
        }
    }

    private bool IsOf(int pid, PodSandbox sandbox)
    {
        try
        {
            var text = File.ReadAllText($"{_paths.Proc}/{pid}/cgroup");
            var uid = sandbox.Metadata.Uid;
            return text.Contains(sandbox.Id, StringComparison.Ordinal)
                || (uid.Length > 0 && CgroupPath.ParseFile(Encoding.UTF8.GetBytes(text))
                    .IsPod(Encoding.UTF8.GetBytes(uid)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // What happened is of no interest: the list says what there is.
    private async Task ListenAsync(CriClient client, CancellationToken stop)
    {
        const string Method = "GetContainerEvents";
        var pause = Second;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Statistics.Called(Method, TimeSpan.Zero);
                await foreach (var _ in client.StreamAsync(
                    Method, new GetEventsRequest(), ContainerEventResponse.Parser, stop).ConfigureAwait(false))
                {
                    pause = Second;
                    Sign();
                }
                Statistics.Failed(Method, "ended");
            }
            catch (CriException e)
            {
                Statistics.Failed(Method, e.Reason);
                if (e.Reason == "unimplemented")
                {
                    Log(true, $"pods.events: {Runtime} has no event stream; the list is enough");
                    return;
                }
            }
            await Task.Delay(pause, stop).ConfigureAwait(false);
            pause = pause < LongestPause ? pause * 2 : LongestPause;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            Task.WaitAll([_task, _events], TimeSpan.FromSeconds(5));
        }
        catch (AggregateException)
        {
            // Cancelled, as told.
        }
        _signs?.Dispose();
        _client?.Dispose();
        _signal.Dispose();
        _stop.Dispose();
    }
}
