namespace Collector.Worker.Http;

/// <summary>Of a server within the agent: signals and the service manager are matters of the agent's host.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
