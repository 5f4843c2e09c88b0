using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Probes.Dns;

/// <summary>
/// Finds the queries that have had no answer for too long, and lets the program say so: it alone counts. Needs Linux
/// 5.10, where programs can be run.
/// </summary>
/// <param name="loaded">The probe's object.</param>
/// <param name="losses">Gets those that were pushed out.</param>
/// <param name="namespaces">Who lives.</param>
internal sealed class OverdueQueries(BpfObject loaded, RecordLosses losses, NamespaceDirectory namespaces)
{
    private readonly BpfMapReader<DnsQueryKey, DnsQuery> _queries = new(loaded.Map("queries"));
    private readonly BpfMapReader<DnsQueryKey, DnsQuery> _rootless = new(loaded.Map("rootless_queries"));
    private readonly BpfMap _noted = loaded.Map("noted");
    private readonly BpfProgram _expire = loaded.Program("expire");
    private readonly ulong[] _key = new ulong[6];
    private long _pushedOut;

    /// <summary>Nanoseconds after which a query is overdue.</summary>
    public ulong Timeout { get; set; }

    public void Expire(SnapshotBuilder snapshot)
    {
        try
        {
            var made = Noted().Made;
            _queries.Read();
            _rootless.Read();
            CountPushedOut(made - Noted().Over - _queries.Count - _rootless.Count);
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return;
        }
        if (TryExpire(_queries, snapshot))
            TryExpire(_rootless, snapshot);
    }

    private DnsNoted Noted()
    {
        var noted = default(DnsNoted);
        _noted.TryLookup(0u, MemoryMarshal.AsBytes(new Span<DnsNoted>(ref noted)));
        return noted;
    }

    // What comes or goes while the maps are read makes it less, never more: the next time has it.
    private void CountPushedOut(long pushedOut)
    {
        if (pushedOut <= _pushedOut)
            return;
        losses.CountPushedOut(pushedOut - _pushedOut);
        _pushedOut = pushedOut;
    }

    private bool TryExpire(BpfMapReader<DnsQueryKey, DnsQuery> reader, SnapshotBuilder snapshot)
    {
        var now = KernelClock.Monotonic();
        for (var i = 0; i < reader.Count; i++)
        {
            var first = reader.Value(i).First;
            if (first > now || now - first <= Timeout)
                continue;
            var key = reader.Keys[i];
            if (IsOfAnother(reader.Value(i)))
            {
                // It is missing from the next count, and so it is one that was pushed out.
                reader.Delete(i);
                continue;
            }
            MemoryMarshal.Write(MemoryMarshal.AsBytes(_key.AsSpan()), key);
            if (_expire.Run(_key, out _) == Errno.None)
                continue;
            snapshot.ReadFailed("timeouts need a kernel that runs programs");
            return false;
        }
        return true;
    }

    // Before Linux 5.14 a namespace has no cookie: whoever got the number of one that is gone has not asked what that
    // one did.
    private bool IsOfAnother(in DnsQuery query) => query.NetnsCookie == 0
        && namespaces.Alive(query.Netns) is { IsHost: false } ns && KernelClock.ToUnix(query.First) < ns.StartTime;
}
