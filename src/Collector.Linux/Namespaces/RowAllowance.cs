using Collector.Core.Subjects;
using Collector.Linux.Limits;

namespace Collector.Linux.Namespaces;

/// <summary>
/// The rows of one kind that a namespace may have: so many by itself, and where any user can make such namespaces
/// they all share as many as one. Who has a row keeps it.
/// </summary>
/// <param name="limit">Of that kind of rows.</param>
/// <param name="ns">Whose rows they are.</param>
/// <param name="most">Fewer than the limit, where the probe's own setting says so.</param>
internal sealed class RowAllowance(Limit limit, NetNamespace ns, int most = int.MaxValue) : IDisposable
{
    private int _taken;
    private int _shared;

    public bool TryTake()
    {
        if (_taken >= Math.Min(most, limit.Most) || (ns.Rootless && !limit.TryShare()))
            return false;
        _taken++;
        if (ns.Rootless)
            _shared++;
        return true;
    }

    /// <summary>Gives back what a row took that is gone.</summary>
    public void Return()
    {
        _taken--;
        if (_shared == 0)
            return;
        _shared--;
        limit.Return(1);
    }

    /// <summary>Notes how many had to do without a row in this collection.</summary>
    public void LeaveOut(long count) => limit.LeftOut += count;

    public void Dispose()
    {
        limit.Return(_shared);
        (_taken, _shared) = (0, 0);
    }
}
