using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// Base of the probes whose program counts TCP segments with ebpf-programs/include/tcp.h: reads the counters, lets go
/// of those of namespaces that are gone, and makes events.
/// </summary>
/// <param name="info">Descriptor; has these options.</param>
/// <param name="options">Its options.</param>
/// <param name="host">The machine.</param>
/// <param name="hooks">What to attach.</param>
/// <param name="settings">Arguments.</param>
internal abstract class TcpSegmentProbe(
    ProbeInfo info, TcpSegmentOptions options, ProbeHost host, IReadOnlyList<Hook> hooks, ProbeSettings settings)
    : BpfProbe(info, host, hooks)
{
    private readonly Dictionary<TcpKey, Seen> _seen = [];
    private readonly List<(TcpKey Key, NetNamespace Namespace)> _dead = [];
    private ProbeSettings _settings = settings;
    private BpfMap _counters = null!;
    private BpfMapReader<TcpKey, TcpValue> _reader = null!;

    /// <summary>Unix nanoseconds since which the program counts.</summary>
    protected long Since { get; private set; }

    /// <summary>The ladders with only the ways that pass: tests take a given one.</summary>
    protected static IReadOnlyList<Hook> Filter(IReadOnlyList<Hook> hooks, Func<Way, bool>? ways) => ways is null
        ? hooks
        : [.. hooks.Select(h => new Hook(h.Name, [.. h.Ways.Where(ways)]) { Optional = h.Optional })];

    public override void Start()
    {
        Since = KernelClock.UnixNow();
        _seen.Clear();
        Reset();
        base.Start();
        _counters = Object.Map("counters");
        _reader = new(_counters);
    }

    protected override void Configure(BpfObject opened) =>
        opened.Map("counters").Resize((int)_settings.Get(options.Entries));

    protected override void Prepare(BpfObject loaded) => WriteSettings(loaded);

    public override bool Reconfigure(ProbeSettings settings)
    {
        var fits = settings.Get(options.Entries) == _settings.Get(options.Entries);
        _settings = settings;
        if (fits)
            WriteSettings(Object);
        return fits;
    }

    private void WriteSettings(BpfObject loaded) => loaded.Map("settings").Update(0u, new TcpSettings
    {
        Burst = (uint)_settings.Get(options.Burst),
        Stack = _settings.Get(options.Stack) ? 1u : 0,
    });

    public override void Collect(SnapshotBuilder snapshot)
    {
        try
        {
            _reader.Read();
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return;
        }
        Begin();
        for (var i = 0; i < _reader.Count; i++)
            Take(_reader.Keys[i], _reader.Entry(i));
        Write(snapshot);
        Forget();
    }

    private void Take(in TcpKey key, ReadOnlySpan<byte> entry)
    {
        // The program counts nothing without a namespace.
        var directory = Host.Namespaces.Directory;
        if (directory.Find(key.Netns, key.NetnsCookie) is not { } ns)
            return;
        // Segments, held back, and the limiter's clock, which sums to nothing.
        Span<long> sums = stackalloc long[3];
        PerCpu.Sum(entry, sums);
        ref var seen = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, key, out var known);
        // It was found only after it was first counted: its rows belong to the one that was found.
        if (known && !ReferenceEquals(seen.Namespace, ns))
            Drop(seen.Namespace);
        if (sums[1] != seen.Held)
            Events.HeldBack(KeyOf(key.Kind, key.State, key.Reason, key.Netns), sums[1] - seen.Held);
        seen = new Seen(ns, sums[1]);
        Count(ns, key, sums[0]);
        // Namespaces that nobody else ever saw end unseen: they go when room gets scarce.
        if (directory.IsDead(ns) || (!directory.IsAlive(ns) && _reader.Count > _counters.MaxEntries / 2))
            _dead.Add((key, ns));
    }

    // After their last figures were written.
    private void Forget()
    {
        foreach (var (key, ns) in _dead)
        {
            _counters.Delete(key);
            _seen.Remove(key);
            Drop(ns);
        }
        _dead.Clear();
    }

    protected override void Decode(ReadOnlySpan<byte> record)
    {
        var e = KernelStack.Read<TcpEvent>(record);
        var time = KernelClock.ToUnix(e.Head.Time);
        var key = KeyOf((int)e.Kind, e.Flow.State, e.Reason, e.Head.Netns);
        if (Events.Admit(key, time))
            Publish(key, Describe(key.Info, e, time));
    }

    private NetworkEvent Describe(EventInfo info, in TcpEvent e, long time)
    {
        var tuple = e.Flow.Tuple;
        return new NetworkEvent
        {
            Info = info,
            Time = time,
            ObservedTime = KernelClock.UnixNow(),
            Message = Message(e, tuple?.ToString() ?? "tcp"),
            Namespace = NamespaceOf(e.Head),
            Process = e.Head.Pid == 0 ? null : e.Head.Process,
            Tuple = tuple,
            Fields = Fields(e),
            LegacyType = LegacyType(e),
            Stack = e.Stack.Describe(Host.Bpf.Environment.Symbols),
        };
    }

    /// <summary>What the limiters count events of this kind together by.</summary>
    protected abstract EventKey KeyOf(int kind, int state, uint reason, uint netns);

    /// <summary>Makes new rows: the program will count from zero.</summary>
    protected abstract void Reset();

    /// <summary>Sets all rows to zero.</summary>
    protected abstract void Begin();

    /// <summary>Adds one counter to the rows.</summary>
    protected abstract void Count(NetNamespace ns, in TcpKey key, long segments);

    protected abstract void Write(SnapshotBuilder snapshot);

    /// <summary>Forgets the rows of a namespace.</summary>
    protected abstract void Drop(NetNamespace ns);

    protected abstract string Message(in TcpEvent e, string ends);

    protected abstract TagValue?[] Fields(in TcpEvent e);

    protected abstract string? LegacyType(in TcpEvent e);

    /// <summary>What was read of a counter last.</summary>
    private readonly record struct Seen(NetNamespace Namespace, long Held);
}
