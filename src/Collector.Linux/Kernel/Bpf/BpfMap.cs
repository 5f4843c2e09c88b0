using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// A map of a loaded object. Reads allocate nothing; keys and values are blittable mirrors of the C ones.
/// </summary>
internal sealed unsafe class BpfMap(nint handle)
{
    public string Name { get; } = BpfLibrary.Text(Libbpf.bpf_map__name(handle));

    public int Type { get; } = Libbpf.bpf_map__type(handle);

    public int KeySize { get; } = (int)Libbpf.bpf_map__key_size(handle);

    public int ValueSize { get; } = (int)Libbpf.bpf_map__value_size(handle);

    public int MaxEntries => (int)Libbpf.bpf_map__max_entries(handle);

    /// <summary>Its descriptor; negative before the object is loaded.</summary>
    public int Fd => Libbpf.bpf_map__fd(handle);

    public bool PerCpu => Type is Libbpf.BPF_MAP_TYPE_PERCPU_HASH or Libbpf.BPF_MAP_TYPE_PERCPU_ARRAY;

    public bool IsArray => Type is Libbpf.BPF_MAP_TYPE_ARRAY or Libbpf.BPF_MAP_TYPE_PERCPU_ARRAY;

    /// <summary>
    /// Bytes that one lookup gives: in per-CPU maps one value, rounded up to 8, for every possible CPU.
    /// </summary>
    public int EntrySize => PerCpu ? Stride * BpfLibrary.PossibleCpus : ValueSize;

    /// <summary>Bytes from one CPU's value to the next.</summary>
    public int Stride => (ValueSize + 7) & ~7;

    /// <summary>Sets the size, before the object is loaded.</summary>
    public void Resize(int entries)
    {
        if (Libbpf.bpf_map__set_max_entries(handle, (uint)entries) is var error and < 0)
            throw new LinuxException($"resize map {Name}", -error);
    }

    /// <summary>It is another object's map: whose it is tells its memory.</summary>
    public bool Borrowed { get; private set; }

    /// <summary>Takes a map that exists instead of a new one, before the object is loaded.</summary>
    /// <param name="other">The map; its descriptor is not kept.</param>
    /// <exception cref="LinuxException">libbpf does not take it.</exception>
    public void Borrow(SafeFd other)
    {
        if (Libbpf.bpf_map__reuse_fd(handle, other.Value) is var error and < 0)
            throw new LinuxException($"share map {Name}", -error);
        Borrowed = true;
    }

    /// <summary>Refuses to read what was declared otherwise in C.</summary>
    /// <exception cref="InvalidOperationException">The mirror is wrong: a fault of the program.</exception>
    public void Expect<TKey, TValue>() where TKey : unmanaged where TValue : unmanaged
    {
        if (Unsafe.SizeOf<TKey>() != KeySize || Unsafe.SizeOf<TValue>() != ValueSize)
        {
            throw new InvalidOperationException(
                $"map {Name} has {KeySize} byte keys and {ValueSize} byte values, "
                + $"read as {Unsafe.SizeOf<TKey>()} and {Unsafe.SizeOf<TValue>()}");
        }
    }

    /// <summary>Reads one entry: a value, or in per-CPU maps all CPUs' (see <see cref="EntrySize"/>).</summary>
    /// <returns>False: there is no such key.</returns>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public bool TryLookup<TKey>(TKey key, Span<byte> entry) where TKey : unmanaged
    {
        if (entry.Length < EntrySize || sizeof(TKey) != KeySize)
            throw new ArgumentException($"an entry of map {Name} has {KeySize} + {EntrySize} bytes", nameof(entry));
        fixed (byte* value = entry)
        {
            if (Libbpf.bpf_map_lookup_elem(Fd, &key, value) == 0)
                return true;
        }
        return SafeFd.LastErrno == ENOENT ? false : throw LinuxException.Last($"read map {Name}");
    }

    /// <exception cref="LinuxException">The map is full, or the kernel refused.</exception>
    public void Update<TKey, TValue>(TKey key, TValue value) where TKey : unmanaged where TValue : unmanaged
    {
        Expect<TKey, TValue>();
        if (Libbpf.bpf_map_update_elem(Fd, &key, &value, Libbpf.BPF_ANY) != 0)
            throw LinuxException.Last($"write map {Name}");
    }

    /// <summary>False: there was none.</summary>
    public bool Delete<TKey>(TKey key) where TKey : unmanaged => Libbpf.bpf_map_delete_elem(Fd, &key) == 0;

    /// <summary>Kernel memory that the map takes; 0 when the kernel does not say.</summary>
    public long Memory()
    {
        try
        {
            // "memlock:\t4096"
            foreach (var line in File.ReadLines($"/proc/self/fdinfo/{Fd}"))
            {
                if (line.StartsWith("memlock:", StringComparison.Ordinal))
                    return long.Parse(line.AsSpan(8).Trim(), System.Globalization.CultureInfo.InvariantCulture);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
        return 0;
    }
}

/// <summary>
/// Reads a whole hash map into buffers that are kept: batches since Linux 5.6, key by key before.
/// </summary>
/// <param name="map">The map.</param>
internal sealed unsafe class BpfMapReader<TKey, TValue>(BpfMap map) where TKey : unmanaged where TValue : unmanaged
{
    private const int FirstBatch = 256;
    private TKey[] _keys = new TKey[FirstBatch];
    private byte[] _values = new byte[FirstBatch * map.EntrySize];
    private bool _noBatches;

    /// <summary>Entries of the last <see cref="Read"/>.</summary>
    public int Count { get; private set; }

    public ReadOnlySpan<TKey> Keys => _keys.AsSpan(0, Count);

    /// <summary>One entry: in per-CPU maps the values of all CPUs, <see cref="BpfMap.Stride"/> apart.</summary>
    public ReadOnlySpan<byte> Entry(int index) => _values.AsSpan(index * map.EntrySize, map.EntrySize);

    /// <summary>One CPU's value of an entry.</summary>
    public ref readonly TValue Value(int index, int cpu = 0) =>
        ref MemoryMarshal.AsRef<TValue>(_values.AsSpan((index * map.EntrySize) + (cpu * map.Stride), map.ValueSize));

    /// <summary>Takes an entry of the last <see cref="Read"/> out of the map, if it is still there.</summary>
    public void Delete(int index) => map.Delete(_keys[index]);

    /// <summary>
    /// Reads what is there now. Entries that come or go meanwhile may be missing; one that stays is there once.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Read()
    {
        map.Expect<TKey, TValue>();
        Count = 0;
        if (_noBatches || !TryReadBatches())
            ReadOneByOne();
    }

    private bool TryReadBatches()
    {
        ulong position = 0;
        var first = true;
        while (true)
        {
            EnsureRoom(FirstBatch / 4);
            var room = (uint)(_keys.Length - Count);
            var count = room;
            int result;
            fixed (TKey* keys = &_keys[Count])
            fixed (byte* values = &_values[Count * map.EntrySize])
            {
                var next = position;
                result = Libbpf.bpf_map_lookup_batch(
                    map.Fd, first ? null : &position, &next, keys, values, &count, null);
                position = next;
            }
            var errno = result == 0 ? Errno.None : SafeFd.LastErrno;
            if (errno == Errno.None || errno == ENOENT)
            {
                Count += (int)count;
                // The end: what was left is there too.
                if (errno == ENOENT)
                    return true;
                first = false;
            }
            else if (errno == ENOSPC)
            {
                // One bucket has more entries than there is room for.
                Grow(_keys.Length * 2);
            }
            else if (!first || Count > 0)
            {
                throw LinuxException.Last($"read map {map.Name}");
            }
            else
            {
                _noBatches = true;
                return false;
            }
        }
    }

    private void ReadOneByOne()
    {
        TKey key = default;
        var first = true;
        // A key that is deleted meanwhile sends the walk to the start: bounded, so that it ends.
        for (var steps = 0; steps < map.MaxEntries * 2; steps++)
        {
            TKey next;
            if (Libbpf.bpf_map_get_next_key(map.Fd, first ? null : &key, &next) != 0)
                return;
            key = next;
            first = false;
            EnsureRoom(1);
            if (!map.TryLookup(key, _values.AsSpan(Count * map.EntrySize, map.EntrySize)))
                continue;
            _keys[Count++] = key;
        }
    }

    private void EnsureRoom(int entries)
    {
        if (_keys.Length - Count < entries)
            Grow(_keys.Length * 2);
    }

    private void Grow(int entries)
    {
        Array.Resize(ref _keys, entries);
        Array.Resize(ref _values, entries * map.EntrySize);
    }
}
