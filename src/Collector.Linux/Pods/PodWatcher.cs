using System.Collections.Frozen;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods.Cri;
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
internal sealed partial class PodWatcher : IDisposable
{
    private const int LongestId = 256;
    private const int MostRejected = 4096;
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly KernelPaths _paths;
    private readonly NamespaceRegistry _namespaces;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<(string Reason, string Sandbox)> _rejected = [];
    private readonly PodStore _store = new();
    private readonly RuntimeSession _session;
    private volatile PodOptions _options;
    private volatile PodOptions? _pending;
    private PodLabels _labels;
    private SandboxReader _reader;
    private PodSigns? _signs;
    private CancellationTokenSource? _listening;
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
        _session = new RuntimeSession(Statistics);
        _labels = new PodLabels(options.Labels, Statistics.Reject);
        _reader = new SandboxReader(paths, namespaces, _session, _labels, Statistics);
    }

    /// <summary>The pods as last seen; never changes, another takes its place.</summary>
    public PodTable Table => _store.Table;

    /// <summary>True where what processes do is told by container.</summary>
    public bool ByContainer => _options.Containers;

    public PodStatistics Statistics { get; } = new();

    /// <summary>Takes lines for the agent's log: is it a warning, and the text.</summary>
    public Action<bool, string> Log { get; set; } = static (_, _) => { };

    /// <summary>Name and version of the runtime; null while none answers.</summary>
    public string? Runtime => _session.Runtime;

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
                if (Interlocked.Exchange(ref _pending, null) is { } options)
                    Take(options);
                _signs!.Refresh();
                await LookAsync(stop).ConfigureAwait(false);
                _firstLook.TrySetResult();
                _signs.Settle(Table);
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
        if (_options.RuntimeEndpoint == PodOptions.None)
        {
            _store.Clear();
            return;
        }
        try
        {
            if (!Statistics.Connected && !await ConnectAsync(stop).ConfigureAwait(false))
                return;
            var list = await _session.CallAsync(
                "ListPodSandbox", static (c, o) => c.ListPodSandboxAsync(new ListPodSandboxRequest(), o), stop)
                .ConfigureAwait(false);
            await UpdateAsync(list.Items, stop).ConfigureAwait(false);
        }
        catch (CriException e)
        {
            _session.Lose();
            _failures++;
            // Docker's containerd is there for Docker alone: nothing is wrong.
            if (e.Reason == "unimplemented")
                Say(false, $"{_session.Socket} is no CRI v1 runtime ({e.Message}): pods have no names");
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
            _session.Forget();
            _failures = 8;
            return false;
        }
        await _session.ConnectAsync(socket, stop).ConfigureAwait(false);
        _failures = 0;
        Say(false, $"container runtime {Runtime} at {socket}");
        if (_options.Events && (_events.IsCompleted || _listening?.IsCancellationRequested == true))
            Listen(stop);
        return true;
    }

    // Once for each state of affairs.
    private void Say(bool warning, string text)
    {
        if (text == _said)
            return;
        _said = text;
        Log(warning, text);
    }

    private async Task UpdateAsync(RepeatedField<PodSandbox> listed, CancellationToken stop)
    {
        var present = new Dictionary<string, PodSandbox>(listed.Count);
        foreach (var sandbox in listed)
        {
            if (sandbox.Id.Length is 0 or > LongestId)
                RejectOnce("id", "");
            else if (!present.TryAdd(sandbox.Id.Text(), sandbox))
                RejectOnce("duplicate", sandbox.Id.Text());
        }
        var changed = _store.Mark(present);
        var found = await _reader.ReadAsync(
            [.. present.Where(s => s.Value.State == PodSandboxState.SandboxReady
                && !_store.Knows(s.Key) && !_reader.IsRefused(s.Key)).Select(s => s.Value)], stop)
            .ConfigureAwait(false);
        _retry = _reader.Retry;
        _reader.Keep(present.Keys);
        var containers = _options.Containers && (changed || found.Count > 0 || _namesOwed || _signs!.Any)
            ? await NamesAsync(stop).ConfigureAwait(false)
            : Table.Containers;
        if (!changed && found.Count == 0 && ReferenceEquals(containers, Table.Containers))
            return;
        var table = _store.Publish(found, containers);
        foreach (var pod in table.All)
        {
            if (pod is { Ready: true, Names.IsSecondary: true }
                || (pod.NetnsPath.Length > 0 && table.OfPath(pod.NetnsPath) != pod))
            {
                RejectOnce("duplicate", pod.Sandbox);
            }
        }
        foreach (var pod in found)
        {
            if (_signs!.Age(pod) is { } age)
                Statistics.Resolved(age);
        }
    }

    /// <summary>The names of all containers by id; the table's own object where they are the same.</summary>
    private async Task<FrozenDictionary<string, string>> NamesAsync(CancellationToken stop)
    {
        var before = Table.Containers;
        ListContainersResponse list;
        try
        {
            list = await _session.CallAsync(
                "ListContainers", static (c, o) => c.ListContainersAsync(new ListContainersRequest(), o), stop)
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
                RejectOnce("container", container.Id.Length > LongestId ? "" : container.Id.Text());
            else if (container.Id.Text() is var id && !names.ContainsKey(id))
                names.Add(id, before.GetValueOrDefault(id) ?? _labels.Name(metadata.Name.Text()));
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
        _listening?.Dispose();
        _session.Dispose();
        _signal.Dispose();
        _stop.Dispose();
    }
}
