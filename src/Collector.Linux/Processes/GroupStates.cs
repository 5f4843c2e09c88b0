namespace Collector.Linux.Processes;

/// <summary>What a probe keeps for each group of processes, dropped with the group.</summary>
internal sealed class GroupStates<T>(ProcessGroups groups, Func<ProcessGroup, T> create)
{
    private readonly Dictionary<ProcessGroup, T> _states = [];
    private long _version = groups.Version;

    /// <summary>All states, for a loop that does not allocate.</summary>
    public Dictionary<ProcessGroup, T>.ValueCollection All => _states.Values;

    public T Of(ProcessGroup group)
    {
        if (!_states.TryGetValue(group, out var state))
            _states.Add(group, state = create(group));
        return state;
    }

    /// <summary>Forgets closed groups.</summary>
    public void Prune()
    {
        if (_version == groups.Version)
            return;
        _version = groups.Version;
        foreach (var group in _states.Keys)
        {
            if (group.Closed)
                _states.Remove(group);
        }
    }
}
