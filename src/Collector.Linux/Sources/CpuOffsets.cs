using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>
/// How far each CPU's copy of a per-CPU variable is from what the kernel has as its address: found by a program that
/// runs once on each CPU. It never changes while the machine runs; a CPU that is brought in later is found then.
/// </summary>
internal sealed class CpuOffsets : IDisposable
{
    private const int MostOnline = 4096;
    private readonly BpfProgram _find;
    private readonly MappedArray<ulong> _offset;
    private readonly List<ulong> _found = [];
    private readonly List<int> _missing;
    private readonly ProcFile? _online;
    private readonly byte[] _text = new byte[MostOnline];
    private byte[] _known = [];

    /// <param name="programs">Those of namespaces.bpf.c.</param>
    /// <param name="sys">Where sysfs is.</param>
    /// <exception cref="LinuxException">No CPU could be asked, or its files cannot be read.</exception>
    public CpuOffsets(BpfObject programs, string sys)
    {
        _find = programs.Program("find_offset");
        _offset = new MappedArray<ulong>(programs.Map("offset"), writable: false);
        _missing = [.. Possible($"{sys}/devices/system/cpu/possible")];
        var error = FindMissing();
        if (_found.Count == 0)
            throw new LinuxException("a program cannot be run on each CPU", error);
        if (_missing.Count > 0)
            _online = ProcFile.Open($"{sys}/devices/system/cpu/online");
    }

    /// <summary>One per CPU that was ever seen in use.</summary>
    public IReadOnlyList<ulong> Found => _found;

    /// <summary>CPUs that were not in use since the start: what they counted before is not known.</summary>
    public int Missing => _missing.Count;

    /// <summary>Looks for CPUs that were brought in since the last call.</summary>
    public void Refresh()
    {
        if (_missing.Count == 0 || _online is null)
            return;
        var length = Math.Max(0, _online.Read(_text, 0, out _));
        var text = _text.AsSpan(0, length);
        if (text.SequenceEqual(_known))
            return;
        _known = text.ToArray();
        FindMissing();
    }

    private Errno FindMissing()
    {
        var last = Errno.None;
        for (var i = _missing.Count - 1; i >= 0; i--)
        {
            var error = _find.Run([], out var failed, _missing[i]);
            if (error == Errno.None && failed == 0)
            {
                _found.Add(_offset.Values[0]);
                _missing.RemoveAt(i);
            }
            else
            {
                last = error == Errno.None ? EFAULT : error;
            }
        }
        return last;
    }

    /// <summary>The CPUs of a list as the kernel prints it: <c>0-3,8</c>.</summary>
    internal static IEnumerable<int> Possible(string path)
    {
        foreach (var range in File.ReadAllText(path).Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = range.Split('-');
            var last = int.Parse(ends[^1], System.Globalization.CultureInfo.InvariantCulture);
            for (var cpu = int.Parse(ends[0], System.Globalization.CultureInfo.InvariantCulture); cpu <= last; cpu++)
                yield return cpu;
        }
    }

    public void Dispose()
    {
        _online?.Dispose();
        _offset.Dispose();
    }
}
