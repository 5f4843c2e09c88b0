using System.Collections.Concurrent;
using Collector.Core.Probes;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>How eBPF is used on this machine.</summary>
public sealed record BpfOptions
{
    /// <summary>Folder with BTF files for kernels that have none of their own; empty for none.</summary>
    public string BtfFolder { get; init; } = "";

    /// <summary>Bytes of each probe's event buffer: a power of two of at least one page. Per CPU before 5.8.</summary>
    public int EventBuffer { get; init; } = 256 * 1024;

    /// <summary>Perf buffers even where the kernel has ring buffers: for tests.</summary>
    public bool PerfBuffers { get; init; }

    /// <summary>Memory is read by calls even where instructions can: for tests.</summary>
    public bool ReadByCalls { get; init; }
}

/// <summary>What eBPF probes share: the kernel's types and symbols, the event thread, and what is loaded.</summary>
public sealed class BpfHost : IDisposable
{
    /// <summary>Bytes: the allocator's own threshold, before it learns.</summary>
    private const int MostKept = 128 * 1024;

    private readonly ConcurrentDictionary<string, LadderReport> _reports = [];
    private readonly List<BpfProgramSet> _loaded = [];
    private readonly HashSet<(string Probe, string Text)> _notes = [];
    private readonly SharedBpfMap _lostSegments = new("lost_segments");
    private BpfEnvironment? _environment;
    private bool _environmentIsShared;

    internal BpfHost(KernelPaths paths, BpfOptions options)
    {
        Paths = paths;
        Options = options;
        Costs = new BpfCosts(this);
        if (!paths.Recorded)
            KeepLittle();
    }

    public BpfOptions Options { get; private set; }

    /// <summary>Takes what libbpf says, line by line, and which way each probe was attached. One per process.</summary>
    public static Action<string>? Log
    {
        get => BpfLibrary.Log;
        set => BpfLibrary.Log = value;
    }

    /// <summary>How each probe's object was attached, or why not, at its last start.</summary>
    public IReadOnlyDictionary<string, LadderReport> Reports => _reports;

    internal KernelPaths Paths { get; }

    /// <summary>
    /// Settable for tests, which share what takes an emulated machine a second to read; what is set is not disposed.
    /// </summary>
    internal BpfEnvironment Environment
    {
        get => _environment ??= new BpfEnvironment(Paths, Options.BtfFolder);
        set => (_environment, _environmentIsShared) = (value, true);
    }

    internal EventPump Pump { get; } = new();

    internal EventResolver Resolver { get; } = new();

    /// <summary>
    /// So long a collection waits for its events at most, and a tenth of it for those of namespaces that any user can
    /// make.
    /// </summary>
    public TimeSpan MostWait { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>What the programs cost, measured now and then.</summary>
    public BpfCosts Costs { get; }

    /// <summary>Why events are not read any more; null while they are.</summary>
    public string? EventFault => Pump.Fault ?? Resolver.Fault;

    /// <summary>What runs in the kernel now. Changes on the collection thread only.</summary>
    internal IReadOnlyList<BpfProgramSet> Loaded => _loaded;

    /// <summary>Takes other settings over, for objects that are loaded from now on.</summary>
    /// <returns>True when they are others.</returns>
    public bool Reconfigure(string btfFolder, int eventBuffer)
    {
        var (before, folder) = (Options, Options.BtfFolder);
        Options = before with { BtfFolder = btfFolder, EventBuffer = eventBuffer };
        if (btfFolder != folder)
        {
            DisposeEnvironment();
            (_environment, _environmentIsShared) = (new BpfEnvironment(Paths, btfFolder), false);
        }
        return Options != before;
    }

    /// <summary>Loads and attaches a probe's object.</summary>
    /// <param name="probe">Its id: the name of its C file.</param>
    /// <param name="hooks">What to attach, with the ladders.</param>
    /// <param name="configure">Sizes of maps, before loading.</param>
    /// <param name="prepare">Settings, before attaching.</param>
    /// <exception cref="ProbeUnavailableException">This kernel does not take it, with the reason.</exception>
    internal BpfObject Load(
        string probe, IReadOnlyList<Hook> hooks, Action<BpfObject> configure, Action<BpfObject> prepare)
    {
        if (Hindrance is { } hindrance)
            throw Unavailable(probe, hindrance);
        BpfImage image;
        try
        {
            image = BpfImage.Find(probe, Options.PerfBuffers || !BpfLibrary.HasRingBuffers);
        }
        catch (BpfLoadException e)
        {
            throw Unavailable(probe, e.Message);
        }
        var loaded = AttachLadder.Climb(
            Environment, image, hooks,
            opened =>
            {
                _lostSegments.GiveTo(opened);
                configure(opened);
            },
            made =>
            {
                _lostSegments.KeepOf(made);
                prepare(made);
            },
            out var report);
        _reports[probe] = report;
        foreach (var hook in report.Hooks)
            Log?.Invoke($"{probe}: {hook.Hook}: {hook.Taken?.Sections ?? "not attached"}");
        return loaded ?? throw new ProbeUnavailableException(report.Failure!);
    }

    /// <summary>Loads an object whose programs are not attached: they are run (<see cref="BpfProgram.Run"/>).</summary>
    /// <param name="name">The name of its C file.</param>
    /// <param name="configure">Sizes of maps and which programs, before loading.</param>
    /// <exception cref="ProbeUnavailableException">This kernel does not take it, with the reason.</exception>
    internal BpfObject LoadToRun(string name, Action<BpfObject>? configure = null) =>
        LoadToRun(() => BpfImage.Find(name, perf: false), configure);

    /// <summary>
    /// The same of one that has a variant which reads memory by instructions: taken where the kernel takes it.
    /// </summary>
    internal BpfObject LoadDirectToRun(string name, Action<BpfObject>? configure = null)
    {
        if (Hindrance is not null || Options.ReadByCalls || !Environment.ReadsDirectly)
            return LoadToRun(name, configure);
        try
        {
            return LoadToRun(() => BpfImage.FindDirect(name), configure);
        }
        catch (ProbeUnavailableException e)
        {
            Log?.Invoke($"{name}: memory is read by calls: {e.Message}");
            return LoadToRun(name, configure);
        }
    }

    private BpfObject LoadToRun(Func<BpfImage> find, Action<BpfObject>? configure)
    {
        if (Hindrance is { } hindrance)
            throw new ProbeUnavailableException(hindrance);
        BpfObject? loaded = null;
        try
        {
            loaded = find().Open(Environment);
            configure?.Invoke(loaded);
            if (!loaded.TryLoad(out _, out var reason))
                throw new BpfLoadException(Environment.ExplainRead(reason));
            return Watch(loaded);
        }
        catch (Exception e) when (e is BpfLoadException or LinuxException)
        {
            loaded?.Dispose();
            throw new ProbeUnavailableException(e.Message, e);
        }
    }

    private string? Hindrance => Paths.Recorded ? "a recorded tree has no kernel to ask" : BpfLibrary.Missing;

    private ProbeUnavailableException Unavailable(string probe, string reason)
    {
        _reports[probe] = new LadderReport(probe, [], reason);
        return new ProbeUnavailableException(reason);
    }

    /// <summary>
    /// Waits a moment until what probes reported until now is written down, whose look-ups are another thread's. What
    /// is still in the kernel's buffers comes with the next collection.
    /// </summary>
    public void AwaitEvents() => Resolver.Await(MostWait);

    /// <summary>Gives back what only starting probes need, and symbols that are not in use.</summary>
    /// <returns>True when memory of the heap is free now.</returns>
    internal bool Settle() => _environment?.Release() ?? false;

    // libbpf takes and gives back some 20 MB while objects are loaded. GNU's allocator learns from the first that such
    // pieces are usual, and from then on keeps them in an arena, whose top no call trims: they are to be mappings.
    private static void KeepLittle()
    {
        try
        {
            _ = Libc.mallopt(Libc.M_MMAP_THRESHOLD, MostKept);
            _ = Libc.mallopt(Libc.M_TRIM_THRESHOLD, MostKept);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library.
        }
    }

    /// <summary>Remarks on a probe's settings as this kernel sees them, for the operator; one of each.</summary>
    public IReadOnlyCollection<(string Probe, string Text)> Notes => _notes;

    internal void Note(string probe, string text) => _notes.Add((probe, text));

    /// <summary>Tells of an object that no probe has among what is loaded, until it is closed.</summary>
    internal BpfObject Watch(BpfObject loaded)
    {
        var set = new BpfProgramSet(loaded.Name, loaded, null);
        Add(set);
        loaded.Closed = () => Remove(set);
        return loaded;
    }

    internal void Add(BpfProgramSet set) => _loaded.Add(set);

    internal void Remove(BpfProgramSet set) => _loaded.Remove(set);

    public void Dispose()
    {
        Costs.Dispose();
        _lostSegments.Dispose();
        Pump.Dispose();
        Resolver.Dispose();
        DisposeEnvironment();
    }

    private void DisposeEnvironment()
    {
        if (!_environmentIsShared)
            _environment?.Dispose();
    }
}

/// <summary>A loaded object, for the <c>ebpf</c> probe.</summary>
/// <param name="Probe">The probe, or the name of its C file where it belongs to none.</param>
/// <param name="Object">What is loaded.</param>
/// <param name="Losses">What its user side lost; null: it hands no records over.</param>
internal sealed record BpfProgramSet(string Probe, BpfObject Object, RecordLosses? Losses)
{
    /// <summary>
    /// Nanoseconds of processor time per second that its programs took in the last measured window; negative: not
    /// measured.
    /// </summary>
    public long Utilization
    {
        get
        {
            var programs = Object.Programs;
            var sum = -1L;
            for (var i = 0; i < programs.Count; i++)
            {
                if (programs[i].Utilization is >= 0 and var one)
                    sum = Math.Max(sum, 0) + one;
            }
            return sum;
        }
    }

    /// <summary>Begins a measured window; what the agent itself runs is left out.</summary>
    public void Measure()
    {
        var programs = Object.Programs;
        for (var i = 0; i < programs.Count; i++)
        {
            if (programs[i].Attached)
                programs[i].Measure();
        }
    }

    /// <summary>Ends it.</summary>
    /// <param name="window">How long it was.</param>
    /// <param name="measuring">Nanoseconds of each run that are the measurement itself.</param>
    public void EndMeasure(TimeSpan window, double measuring)
    {
        var programs = Object.Programs;
        for (var i = 0; i < programs.Count; i++)
        {
            if (programs[i].Attached)
                programs[i].EndMeasure(window, measuring);
        }
    }
}

/// <summary>What is lost of a probe beside the counters of its program. Thread-safe.</summary>
internal sealed class RecordLosses
{
    private long _undecoded;
    private long _crowdedOut;
    private long _pushedOut;

    /// <summary>Those that made no sense.</summary>
    public long Undecoded => Interlocked.Read(ref _undecoded);

    /// <summary>Those that found no room before the thread that resolves them.</summary>
    public long CrowdedOut => Interlocked.Read(ref _crowdedOut);

    /// <summary>What the kernel side still needed when the kernel gave its place in a map to others.</summary>
    public long PushedOut => Interlocked.Read(ref _pushedOut);

    public void CountUndecoded() => Interlocked.Increment(ref _undecoded);

    public void CountCrowdedOut() => Interlocked.Increment(ref _crowdedOut);

    public void CountPushedOut(long count) => Interlocked.Add(ref _pushedOut, count);
}
