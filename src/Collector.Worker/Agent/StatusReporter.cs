using Collector.Core.Snapshots;
using Collector.Worker.Collection;
using Collector.Worker.Hosting.Systemd;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Agent;

/// <summary>Keeps systemd's status line true: <c>systemctl status</c> then shows what the agent sees.</summary>
internal sealed class StatusReporter(NodeCollector collector, SnapshotStore store, ISystemdNotifier notifier)
    : BackgroundService
{
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
                + $"{running} of {collector.Runners.Count} probes running"));
        }
    }
}
