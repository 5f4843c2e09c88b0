using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Dns;

/// <summary>
/// Finds the queries that have had no answer for too long, and lets the program say so: it alone counts. Needs Linux
/// 5.10, where programs can be run.
/// </summary>
/// <param name="loaded">The probe's object.</param>
internal sealed class OverdueQueries(BpfObject loaded)
{
    private readonly BpfMapReader<DnsQueryKey, DnsQuery>[] _queries =
        [new(loaded.Map("queries")), new(loaded.Map("rootless_queries"))];

    private readonly BpfProgram _expire = loaded.Program("expire");
    private readonly ulong[] _key = new ulong[6];

    /// <summary>Nanoseconds after which a query is overdue.</summary>
    public ulong Timeout { get; set; }

    public void Expire(SnapshotBuilder snapshot)
    {
        foreach (var reader in _queries)
        {
            try
            {
                reader.Read();
            }
            catch (LinuxException e)
            {
                snapshot.ReadFailed(e.Message);
                continue;
            }
            if (!TryExpire(reader, snapshot))
                return;
        }
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
            MemoryMarshal.Write(
                MemoryMarshal.AsBytes(_key.AsSpan()), key);
            if (_expire.Run(_key, out _) == Errno.None)
                continue;
            snapshot.ReadFailed("timeouts need a kernel that runs programs");
            return false;
        }
        return true;
    }
}
