using System.Collections.Frozen;
using Collector.Linux.Pods.Cri;

namespace Collector.Linux.Pods;

/// <summary>
/// The pods that are known, and for a short while those that are gone. Belongs to the watcher's task; the table may be
/// read from anywhere.
/// </summary>
internal sealed class PodStore
{
    private const long TombstoneMilliseconds = 120_000;
    private Dictionary<string, Pod> _pods = [];
    private volatile PodTable _table = PodTable.Empty;

    /// <summary>The pods as last seen; never changes, another takes its place.</summary>
    public PodTable Table => _table;

    public bool Knows(string sandbox) => _pods.ContainsKey(sandbox);

    /// <summary>Every sandbox is new: the next table has what is said of each then.</summary>
    public void AskAnew() => _pods.Clear();

    /// <summary>No pod is known any more.</summary>
    public void Clear()
    {
        _pods.Clear();
        if (_table.All.Count > 0)
            _table = new PodTable([], _table.Version + 1);
    }

    /// <summary>Adds pods, and puts a new table in the place of the old one.</summary>
    public PodTable Publish(IEnumerable<Pod> found, FrozenDictionary<string, string> containers)
    {
        foreach (var pod in found)
            _pods[pod.Sandbox] = pod;
        var table = new PodTable(_pods.Values, _table.Version + 1, containers);
        // Those that the table ranked: names stay one object as long as they say the same.
        _pods = table.All.ToDictionary(p => p.Sandbox);
        return _table = table;
    }

    /// <summary>Notes which known sandboxes ended; true when something changed.</summary>
    public bool Mark(Dictionary<string, PodSandbox> present)
    {
        var now = Environment.TickCount64;
        var changed = false;
        foreach (var pod in _pods.Values.ToArray())
        {
            if (!present.TryGetValue(pod.Sandbox, out var sandbox))
            {
                if (pod.GoneAt == 0)
                    changed |= Replace(pod with { Ready = false, GoneAt = now });
                else if (now - pod.GoneAt > TombstoneMilliseconds)
                    changed |= _pods.Remove(pod.Sandbox);
                continue;
            }
            var ready = sandbox.State == PodSandboxState.SandboxReady;
            if (pod.Ready != ready || pod.GoneAt != 0)
                changed |= Replace(pod with { Ready = ready, GoneAt = 0 });
        }
        return changed;
    }

    private bool Replace(Pod pod)
    {
        _pods[pod.Sandbox] = pod;
        return true;
    }
}
