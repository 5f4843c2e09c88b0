namespace Collector.Linux.Namespaces;

/// <summary>What others tell of processes, so that fewer need be looked at.</summary>
public sealed partial class NamespaceRegistry
{
    /// <summary>
    /// Who tells of all processes tells of one: its network namespace, 0 where it has none any more. One in a namespace
    /// that is not known is looked at by the next <see cref="Refresh"/>.
    /// </summary>
    internal void Hear(int pid, ulong inode)
    {
        if (_byInode.ContainsKey(inode))
            Witness(pid, inode);
        else
            _processes.Suspect(pid);
    }

    /// <summary>All have been told of: the next <see cref="Refresh"/> need not look at a slice of them.</summary>
    internal void HeardOfAll() => _processes.SkipSlice();
}
