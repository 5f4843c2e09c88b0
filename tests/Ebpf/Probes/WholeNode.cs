namespace Ebpf.Tests.Probes;

/// <summary>
/// A probe that counts beside the tested one and has room for all: what happens on the whole node that is not the test's
/// own. IPv6 reports its groups and asks for routers by itself, which finds no route where a device has just come up;
/// and the namespace of an earlier test lives on without its name as long as the kernel or a connection needs it.
/// </summary>
/// <remarks>Make it before the tested run, ask it after that was read: it misses nothing that the other one has.</remarks>
internal sealed class WholeNode : IDisposable
{
    private readonly BpfProbeRun _run;
    private readonly long _before;

    public WholeNode(string probe)
    {
        _run = new BpfProbeRun(probe, null, ("burst", "0"));
        _before = Total();
    }

    /// <summary>How many it has counted that are not of these.</summary>
    public long Beside(long own) => Math.Max(0, Total() - _before - own);

    // Of namespaces, and of those that the kernel does not tell.
    private long Total()
    {
        var id = _run.Probe.Info.Id;
        var snapshot = _run.Collect();
        return snapshot.Tables.Where(t => t.Info.Id == id || t.Info.Id == $"{id}.node")
            .Sum(t => Enumerable.Range(0, t.Count).Sum(row => t.Column(0)[row]));
    }

    public void Dispose() => _run.Dispose();
}
