using Collector.Core.Snapshots;

namespace Collector.Core.Probes;

/// <summary>
/// A source of rows. All calls come from the collection thread, one at a time; a probe needs no locks and must not
/// keep the builder.
/// </summary>
public abstract class Probe(ProbeInfo info) : IDisposable
{
    public ProbeInfo Info { get; } = info;

    /// <summary>Opens what the probe needs. Called again, with back-off, after it threw.</summary>
    /// <exception cref="ProbeUnavailableException">This machine cannot offer the probe, with the reason.</exception>
    public virtual void Start()
    {
    }

    /// <summary>
    /// Appends this interval's rows. In steady state it allocates nothing. What cannot be read is reported with
    /// <see cref="SnapshotBuilder.ReadFailed"/> and left out; an exception fails the probe until its next start.
    /// </summary>
    public abstract void Collect(SnapshotBuilder snapshot);

    /// <summary>
    /// Takes new arguments while running. False: it cannot, and is to be restarted with them.
    /// </summary>
    public virtual bool Reconfigure(ProbeSettings settings) => false;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
