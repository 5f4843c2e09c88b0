using System.Numerics;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Reads the counters of some namespaces: one run of a program for what they have once, one per CPU for what is counted
/// there, and the sums. On whichever processor this thread is: others are not interrupted.
/// </summary>
/// <remarks>
/// Adding up is done here and not in the program: two instructions for four counters, where the program takes four for
/// one.
/// </remarks>
internal sealed class MibRun : IDisposable
{
    // As in namespaces.bpf.c.
    private const ulong AllTypes = 1, WithSockets = 2;

    private readonly MappedArray<MibOnce> _once;
    private readonly MappedArray<MibWords> _words;
    private readonly BpfProgram _readOnce;
    private readonly BpfProgram _readWords;
    private readonly IReadOnlyList<ulong> _offsets;
    private readonly long[] _sums;
    private readonly ulong[] _arguments = new ulong[3];

    /// <param name="programs">Those of namespaces.bpf.c.</param>
    /// <param name="offsets">Where each CPU has its own: <see cref="CpuOffsets.Found"/>.</param>
    /// <exception cref="LinuxException">Their maps cannot be mapped.</exception>
    public MibRun(BpfObject programs, IReadOnlyList<ulong> offsets)
    {
        _offsets = offsets;
        _readOnce = programs.Program("read_once");
        _readWords = programs.Program("read_words");
        _once = new MappedArray<MibOnce>(programs.Map("once"), writable: true);
        _words = new MappedArray<MibWords>(programs.Map("words"), writable: false);
        Most = _once.Values.Length;
        _sums = new long[Most * MibWords.Count];
    }

    /// <summary>Namespaces per run.</summary>
    public int Most { get; }

    /// <summary>Reads; what it found is there until the next call.</summary>
    /// <param name="namespaces">No more than <see cref="Most"/>, each with an address.</param>
    /// <param name="wish">What is wanted of them.</param>
    /// <returns>Null, or why it failed.</returns>
    public string? Read(ReadOnlySpan<NamespaceHandle> namespaces, MibWish wish)
    {
        var once = _once.Values;
        for (var i = 0; i < namespaces.Length; i++)
            once[i].Net = namespaces[i].NetAddress;
        _arguments[0] = (ulong)namespaces.Length;
        _arguments[1] = (wish.AllTypes ? AllTypes : 0) | (wish.HasSockets ? WithSockets : 0);
        if (Run(_readOnce, 2) is { } failure)
            return failure;
        _sums.AsSpan(0, namespaces.Length * MibWords.Count).Clear();
        _arguments[2] = wish.Kinds;
        for (var i = 0; i < _offsets.Count; i++)
        {
            _arguments[1] = _offsets[i];
            if (Run(_readWords, 3) is { } other)
                return other;
            Add(namespaces.Length, wish);
        }
        return null;
    }

    /// <summary>Its counters over all CPUs; of kinds that were not wanted or are not there, anything.</summary>
    public ReadOnlySpan<long> Sums(int index) => _sums.AsSpan(index * MibWords.Count, MibWords.Count);

    /// <summary>Its sockets in use over all CPUs, by slot, and behind those slots those of all families.</summary>
    public ReadOnlySpan<int> Sockets(int index) => SocketsOf(_sums, index);

    /// <summary>What it has once.</summary>
    public ReadOnlySpan<long> Once(int index) => MemoryMarshal.Cast<MibOnce, long>(_once.Values.Slice(index, 1));

    private string? Run(BpfProgram program, int arguments)
    {
        var error = program.Run(_arguments.AsSpan(0, arguments), out var failed);
        return error != Errno.None ? $"program {program.Name}: {BpfObject.Reason(error.Number)}"
            : failed != 0 ? $"program {program.Name}: {failed} namespaces could not be read"
            : null;
    }

    private void Add(int count, MibWish wish)
    {
        var words = MemoryMarshal.Cast<MibWords, long>(_words.Values);
        for (var i = 0; i < count; i++)
        {
            PerCpu.Add<long>(words.Slice(i * MibWords.Count, wish.End), _sums.AsSpan(i * MibWords.Count, wish.End));
            if (wish.HasSockets)
                PerCpu.Add<int>(SocketsOf(words, i), SocketsOf(_sums, i));
        }
    }

    private static Span<int> SocketsOf(Span<long> words, int index) => MemoryMarshal.Cast<long, int>(
        words.Slice(index * MibWords.Count, MibWords.Count)[MibWords.First(MibKind.Sockets)..]);

    public void Dispose()
    {
        _once.Dispose();
        _words.Dispose();
    }
}

/// <summary>What a probe wants of the pass.</summary>
/// <param name="Kinds">A bit per <see cref="MibKind"/>.</param>
/// <param name="AllTypes">Every type of ICMP messages, not only those that have names in /proc.</param>
internal readonly record struct MibWish(uint Kinds, bool AllTypes)
{
    private const uint Counters = (1u << ((int)MibKind.MPTcp + 1)) - 1;

    /// <summary>All counters.</summary>
    public static MibWish All => new(Counters, true);

    /// <summary>What sockstat has.</summary>
    public static MibWish Sockets => new(1u << (int)MibKind.Sockets, false);

    public bool HasSockets => Has(MibKind.Sockets);

    /// <summary>The words of 64 bits that have to be added up.</summary>
    public int End => (Kinds & Counters) == 0 ? 0 : MibWords.End((MibKind)BitOperations.Log2(Kinds & Counters));

    public bool Has(MibKind kind) => (Kinds & (1u << (int)kind)) != 0;

    /// <summary>True when this has all that the other wants.</summary>
    public bool Covers(MibWish other) => (other.Kinds & ~Kinds) == 0 && (AllTypes || !other.AllTypes);

    public static MibWish operator |(MibWish left, MibWish right) =>
        new(left.Kinds | right.Kinds, left.AllTypes || right.AllTypes);

    /// <summary>For these sections, those that the pass knows.</summary>
    public static MibWish Of(IEnumerable<string> sections, bool allTypes) => new(
        sections.Select(MibSlots.KindOf).Aggregate(0u, (bits, kind) => kind is { } k ? bits | (1u << (int)k) : bits),
        allTypes);
}
