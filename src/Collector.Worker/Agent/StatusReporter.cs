using Collector.Core.Findings;
using Collector.Core.Snapshots;
using Collector.Worker.Collection;
using Collector.Worker.Hosting.Systemd;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Agent;

/// <summary>Keeps systemd's status line true: <c>systemctl status</c> then shows what the agent sees.</summary>
internal sealed class StatusReporter(NodeCollector collector, SnapshotStore store, ISystemdNotifier notifier)
    : BackgroundService
{
    private readonly List<Finding> _active = [];

    // The worst and newest in words, the others as a number.
    private string Findings()
    {
        _active.Clear();
        collector.Node.Findings?.Store.CopyActive(_active);
        if (_active.Count == 0)
            return "nothing found";
        var worst = _active.OrderByDescending(f => f.Severity).ThenByDescending(f => f.Number).First();
        return _active.Count == 1 ? worst.Sentence : $"{worst.Sentence} (and {_active.Count - 1} more: netlens why)";
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!notifier.IsEnabled)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            await store.NextPublished.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var lease = store.Acquire();
            if (lease.Snapshot is not { } snapshot)
                continue;
            var running = collector.Runners.Count(r => r.State == ProbeState.Running);
            notifier.Notify(ServiceState.Status(
                $"{snapshot.Series} series of {collector.Node.NamespaceCount} network namespaces, "
                + $"{running} of {collector.Runners.Count} probes running; {Findings()}"));
        }
    }
}
