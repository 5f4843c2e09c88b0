using System.Globalization;

namespace Collector.ScaleRun;

/// <summary>Processor time of a process from outside, without touching it.</summary>
/// <remarks>
/// /proc/PID/task/TID/schedstat: nanoseconds on a CPU, time waited, slices (Documentation/scheduler/sched-stats.rst).
/// A thread that ended takes its file with it, so its last value is kept.
/// </remarks>
internal sealed class CpuMeter(int pid)
{
    private readonly Dictionary<string, long> _threads = [];
    private readonly Dictionary<string, string> _names = [];

    /// <summary>Nanoseconds of all threads so far.</summary>
    public long Nanoseconds()
    {
        Read();
        return _threads.Values.Sum();
    }

    /// <summary>The same by name of thread: those of a pool are one.</summary>
    public Dictionary<string, long> ByThread()
    {
        Read();
        return _threads.GroupBy(t => _names[t.Key]).ToDictionary(g => g.Key, g => g.Sum(t => t.Value));
    }

    private void Read()
    {
        foreach (var task in Directory.EnumerateDirectories($"/proc/{pid}/task"))
        {
            try
            {
                // A thread has its name a moment after it began.
                _names[task] = File.ReadAllText($"{task}/comm").Trim();
                _threads[task] = Number(File.ReadAllText($"{task}/schedstat").Split(' ')[0]);
            }
            catch (IOException)
            {
                // The thread ended between the listing and the read.
                continue;
            }
        }
    }

    /// <summary>User and system time in clock ticks (10 ms), from /proc/PID/stat.</summary>
    public (long User, long System) Ticks()
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        // The second field is the command's name in brackets and may hold anything, so counting starts after it.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]), Number(fields[12]));
    }

    /// <summary>A line of /proc/PID/status that is in kB, as MiB.</summary>
    public double Mebibytes(string key)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith(key + ":", StringComparison.Ordinal));
        return Number(line[(key.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim()) / 1024.0;
    }

    /// <summary>Busy and total ticks of the whole machine, from /proc/stat.</summary>
    public static (long Busy, long Total) Machine()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(Number).ToArray();
        var total = fields.Sum();
        return (total - fields[3] - fields[4], total);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
