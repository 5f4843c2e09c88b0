using System.Runtime.InteropServices;
using Collector.Linux.Limits;

namespace Collector.Linux.Processes;

/// <summary>
/// How many pods, and how many containers, that the runtime does not know get groups; those beyond are counted for as
/// long as they have processes.
/// </summary>
internal sealed class GroupLimit(Limit limit)
{
    // Processes of each.
    private readonly Dictionary<string, int> _beyond = [];

    public int Most => limit.Most;

    /// <summary>Notes of a process which pod or container beyond the limit it is of, null for none.</summary>
    public void Place(Process process, string? beyond)
    {
        if (process.Beyond == beyond)
            return;
        if (process.Beyond is { } left && --CollectionsMarshal.GetValueRefOrNullRef(_beyond, left) == 0)
            _beyond.Remove(left);
        if (beyond is not null)
            CollectionsMarshal.GetValueRefOrAddDefault(_beyond, beyond, out _)++;
        process.Beyond = beyond;
    }

    /// <summary>Tells how many are left out now.</summary>
    public void Note() => limit.LeftOut = _beyond.Count;
}
