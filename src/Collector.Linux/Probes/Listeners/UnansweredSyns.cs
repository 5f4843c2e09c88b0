using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Listeners;

// Mirrors of ebpf-programs/unanswered.bpf.c.

/// <param name="Netns">Its namespace.</param>
/// <param name="Port">In network order.</param>
[BpfStruct("asked_listener")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AskedListener(uint Netns, uint Port);

[BpfStruct("asked_syn")]
[StructLayout(LayoutKind.Sequential)]
internal readonly struct AskedSyn
{
    public readonly uint Netns;
    public readonly ushort Dport;
    public readonly ushort Sport;
    public readonly AddressBytes Saddr;

    public UInt128 Source => BinaryPrimitives.ReadUInt128BigEndian(Saddr);
}

[BpfStruct("asked_times")]
[StructLayout(LayoutKind.Sequential)]
internal readonly struct AskedTimes
{
    public readonly ulong Last;
    public readonly ulong Seen;
    public readonly uint Seq;
    public readonly uint Again;
}

/// <summary>Addresses of peers, those with the most unanswered handshakes first.</summary>
[InlineArray(Most)]
internal struct PeerAddresses
{
    public const int Most = 3;

    private UInt128 _first;
}

/// <summary>Who asked a listener again since the collection before.</summary>
internal struct UnansweredPeers
{
    public PeerAddresses First;

    /// <summary>All of them, by address.</summary>
    public int Peers;

    /// <summary>Handshakes whose SYN came again.</summary>
    public int Handshakes;
}

/// <summary>
/// Who is refused by listeners that drop handshakes: those whose SYN comes again. The program is in the kernel only
/// while one drops, and some seconds longer, for a SYN comes again after one, three and seven.
/// </summary>
/// <remarks>Belongs to the collection thread. Allocates only when a listener drops.</remarks>
/// <param name="bpf">Loads.</param>
internal sealed class UnansweredSyns(BpfHost bpf) : IDisposable
{
    /// <summary>Entries of the map.</summary>
    private const int MostListeners = 64;

    /// <summary>Nanoseconds and collections without a drop after which nobody looks any more.</summary>
    private const ulong Patience = 5_000_000_000;

    private const long PatientCollections = 2;

    private static readonly Way[] Arrivals =
    [
        new("network_btf") { Assumes = [("netif_receive_skb", 0, "sk_buff*")] },
        new("network_raw") { Assumes = [("netif_receive_skb", 0, "sk_buff*")] },
    ];

    private static readonly Hook[] Hooks = [new("SYNs that come again", Arrivals)];

    private readonly Dictionary<AskedListener, (long Tick, ulong Time)> _asked = [];
    private readonly Dictionary<UInt128, int> _peers = [];
    private BpfObject? _object;
    private BpfMapReader<AskedSyn, AskedTimes>? _syns;
    private bool _unavailable;
    private long _tick = -1;
    private long _read = -1;
    private (ulong Last, ulong Before) _looked;

    /// <summary>Lets go of listeners that have not dropped for a while.</summary>
    public void Begin(long tick)
    {
        if (tick == _tick)
            return;
        _tick = tick;
        if (_object is null)
            return;
        var now = KernelClock.Monotonic();
        foreach (var (listener, dropped) in _asked)
        {
            if (tick - dropped.Tick >= PatientCollections && now - dropped.Time > Patience && _asked.Remove(listener))
                _object.Map("asked").Delete(listener);
        }
        if (_asked.Count == 0)
            Release();
    }

    /// <summary>Who asked it again since the collection before; from now on, if nobody looked until now.</summary>
    /// <param name="ns">Its namespace. Of those that any user can make nobody looks.</param>
    /// <param name="port">Its port.</param>
    /// <param name="tick">The collection.</param>
    public UnansweredPeers Ask(NetNamespace ns, ushort port, long tick)
    {
        var listener = new AskedListener((uint)ns.Inode, BinaryPrimitives.ReverseEndianness(port));
        if (ns.Rootless || !TryLoad() || !TryWatch(listener, tick))
            return default;
        return Count(listener, tick);
    }

    private bool TryLoad()
    {
        if (_object is not null || _unavailable)
            return _object is not null;
        try
        {
            _object = bpf.Watch(bpf.Load("unanswered", Hooks, static _ => { }, static _ => { }));
            _syns = new(_object.Map("syns"));
            _looked = default;
            return true;
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            _unavailable = true;
            bpf.Note("listen", $"who is refused is not known: {e.Message}");
            return false;
        }
    }

    private bool TryWatch(AskedListener listener, long tick)
    {
        if (!_asked.ContainsKey(listener))
        {
            if (_asked.Count >= MostListeners)
                return false;
            _object!.Map("asked").Update(listener, (byte)1);
        }
        _asked[listener] = (tick, KernelClock.Monotonic());
        return true;
    }

    private UnansweredPeers Count(AskedListener listener, long tick)
    {
        if (_read != tick)
        {
            _syns!.Read();
            _looked = (KernelClock.Monotonic(), _looked.Last);
            _read = tick;
        }
        _peers.Clear();
        var found = default(UnansweredPeers);
        for (var i = 0; i < _syns!.Count; i++)
        {
            ref readonly var syn = ref _syns.Keys[i];
            if (syn.Netns != listener.Netns || syn.Dport != listener.Port || _syns.Value(i).Last <= _looked.Before)
                continue;
            found.Handshakes++;
            CollectionsMarshal.GetValueRefOrAddDefault(_peers, syn.Source, out _)++;
        }
        found.Peers = _peers.Count;
        for (var i = 0; i < PeerAddresses.Most && _peers.Count > 0; i++)
        {
            var most = _peers.MaxBy(static p => p.Value).Key;
            found.First[i] = most;
            _peers.Remove(most);
        }
        return found;
    }

    private void Release()
    {
        _object?.Dispose();
        _object = null;
        _syns = null;
        _asked.Clear();
        _read = -1;
    }

    public void Dispose() => Release();
}
