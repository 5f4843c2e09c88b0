using Collector.Core.Metrics;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>Compares the pass with ctnetlink in one namespace, before it is relied on.</summary>
/// <param name="ns">The namespace.</param>
/// <param name="known">A bit per attribute that the pass has.</param>
internal sealed class ConntrackCheck(NamespaceHandle ns, uint known) : IDisposable
{
    // Entries come and go while they are compared.
    private const int Attempts = 20;

    private readonly ConntrackDiag _diag = new();
    private readonly (PerCpuSums Counters, ConntrackLevel Level) _before = (new(), new());
    private readonly (PerCpuSums Counters, ConntrackLevel Level) _pass = (new(), new());
    private readonly (PerCpuSums Counters, ConntrackLevel Level) _after = (new(), new());

    /// <summary>Null where both agree, else the difference.</summary>
    /// <param name="read">Reads the namespace by the pass: null, or why it failed.</param>
    /// <param name="sent">A bit per attribute that this kernel's ctnetlink sends.</param>
    public string? Difference(Func<string?> read, out uint sent)
    {
        string? difference = null;
        sent = 0;
        for (var i = 0; i < Attempts; i++)
        {
            if (!_diag.Ask(ns, _before.Counters, _before.Level))
                return $"ctnetlink: {_diag.Failure}";
            if ((read() ?? Take(out sent)) is { } failure)
                return failure;
            if (!_diag.Ask(ns, _after.Counters, _after.Level))
                return $"ctnetlink: {_diag.Failure}";
            difference = Compare(sent);
            if (difference is null)
                return null;
        }
        return difference;
    }

    private string? Take(out uint sent)
    {
        sent = 0;
        var first = _before.Counters.Of(0);
        for (var i = 0; i < first.Length; i++)
            sent |= first[i] >= 0 ? 1u << i : 0;
        for (var i = 0; i < first.Length; i++)
        {
            if ((sent & ~known & (1u << i)) != 0)
                return $"the kernel's types do not tell attribute {i} of ctnetlink's statistics";
        }
        var figures = ns.Source<ConntrackFigures>();
        figures.CopyTo(_pass.Counters, _pass.Level);
        return figures.IsPresent ? null : "the node's own namespace has no connection tracking";
    }

    private string? Compare(uint sent)
    {
        for (var cpu = 0; cpu < _before.Counters.Cpus; cpu++)
        {
            if (Compare(cpu, sent) is { } difference)
                return difference;
        }
        var (first, level, last) = (_before.Level.Entries, _pass.Level.Entries, _after.Level.Entries);
        if (level < Math.Min(first, last) || level > Math.Max(first, last))
            return Words("the number of entries", first, level, last);
        return _before.Level.Limit >= 0 && _before.Level.Limit != _pass.Level.Limit
            ? Words("the limit", _before.Level.Limit, _pass.Level.Limit, _after.Level.Limit)
            : null;
    }

    private string? Compare(int cpu, uint sent)
    {
        var low = _before.Counters.Of(cpu);
        var high = _after.Counters.Of(cpu);
        if (cpu >= _pass.Counters.Cpus || !_pass.Counters.Of(cpu).ContainsAnyExcept(Metric.Absent))
        {
            // One that may come and is not there: it never counted.
            return high.ContainsAnyInRange(1, long.MaxValue)
                ? $"ctnetlink tells of CPU {cpu}, which the pass does not find"
                : null;
        }
        var value = _pass.Counters.Of(cpu);
        for (var i = 0; i < value.Length; i++)
        {
            if ((sent >> i & 1) != 0 && (value[i] < low[i] || value[i] > high[i]))
                return Words($"attribute {i} of CPU {cpu}", low[i], value[i], high[i]);
        }
        return null;
    }

    private static string Words(string what, long low, long value, long high) =>
        $"{what} is {value} in the kernel's structures, by ctnetlink {low} before and {high} after";

    public void Dispose() => _diag.Dispose();
}
