using System.Runtime.CompilerServices;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>An array map in this process's own memory (BPF_F_MMAPABLE, since Linux 5.5): no calls to read it.</summary>
internal sealed unsafe class MappedArray<T> : IDisposable
    where T : unmanaged
{
    private readonly int _length;
    private T* _values;

    /// <param name="map">Of a loaded object.</param>
    /// <param name="writable">False: it can only be read here.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public MappedArray(BpfMap map, bool writable)
    {
        map.Expect<uint, T>();
        // The kernel rounds up to eight bytes, C# to what T asks for.
        if (sizeof(T) % 8 != 0)
            throw new ArgumentException($"values of map {map.Name} are no multiples of eight bytes", nameof(map));
        _length = map.MaxEntries;
        var protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
        var mapped = mmap(null, (size_t)Bytes, protection, MAP_SHARED, map.Fd, 0);
        if (mapped == MAP_FAILED)
            throw LinuxException.Last($"map {map.Name} into memory");
        _values = (T*)mapped;
    }

    public Span<T> Values
    {
        get
        {
            ObjectDisposedException.ThrowIf(_values is null, this);
            return new Span<T>(_values, _length);
        }
    }

    private nuint Bytes
    {
        get
        {
            var page = (nuint)Environment.SystemPageSize;
            return ((nuint)_length * (nuint)Unsafe.SizeOf<T>() + page - 1) / page * page;
        }
    }

    public void Dispose()
    {
        if (_values is null)
            return;
        _ = munmap(_values, (size_t)Bytes);
        _values = null;
    }
}
