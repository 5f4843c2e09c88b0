using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>
/// How far each CPU's copy of a per-CPU variable is from what the kernel has as its address: found by a program that
/// runs once on each CPU. It never changes while the machine runs. A CPU that is not in use now may have counted
/// before: it is found by another program (<see cref="OtherCpus"/>), or else when it is brought in.
/// </summary>
internal sealed class CpuOffsets : IDisposable
{
    private const int MostOnline = 4096;
    private readonly BpfProgram _find;
    private readonly MappedArray<ulong> _offset;
    private readonly List<ulong> _found = [];
    private readonly List<int> _cpus = [];
    private readonly List<int> _missing;
    private readonly ProcFile? _online;
    private readonly byte[] _text = new byte[MostOnline];
    private byte[] _known = [];

    /// <param name="programs">Those of namespaces.bpf.c.</param>
    /// <param name="bpf">Loads the program for those that are not in use.</param>
    /// <exception cref="LinuxException">No CPU could be asked, or its files cannot be read.</exception>
    public CpuOffsets(BpfObject programs, BpfHost bpf)
    {
        _find = programs.Program("find_offset");
        _offset = new MappedArray<ulong>(programs.Map("offset"), writable: false);
        var folder = $"{bpf.Paths.Sys}/devices/system/cpu";
        _missing = [.. Possible($"{folder}/possible")];
        var error = FindMissing();
        if (_found.Count == 0)
            throw new LinuxException("a program cannot be run on each CPU", error);
        var refusal = _missing.Count > 0 ? FindUnused(bpf) : "";
        if (_missing.Count == 0)
            return;
        var present = Possible($"{folder}/present").Intersect(_missing).Count();
        Missing = present > 0 ? $"CPUs that are not in use: {present}, and {refusal}" : "";
        _online = ProcFile.Open($"{folder}/online");
    }

    /// <summary>One per CPU that is known.</summary>
    public IReadOnlyList<ulong> Found => _found;

    /// <summary>The numbers of those CPUs.</summary>
    public IReadOnlyList<int> Cpus => _cpus;

    /// <summary>
    /// Why there are CPUs of which it is not known what they counted; empty where there are none. One that is not
    /// there, though it could be, never ran.
    /// </summary>
    public string Missing { get; } = "";

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
                Take(i, _offset.Values[0]);
            else
                last = error == Errno.None ? EFAULT : error;
        }
        return last;
    }

    /// <summary>Why it could not.</summary>
    private string FindUnused(BpfHost bpf)
    {
        try
        {
            using var others = new OtherCpus(bpf);
            for (var i = _missing.Count - 1; i >= 0; i--)
            {
                if (others.TryFind(_missing[i], out var offset))
                    Take(i, offset);
            }
            return "the kernel does not tell where they count";
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            return e.Message;
        }
    }

    private void Take(int missing, ulong offset)
    {
        _found.Add(offset);
        _cpus.Add(_missing[missing]);
        _missing.RemoveAt(missing);
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
