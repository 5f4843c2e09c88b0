using System.Globalization;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Systemd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Options;

namespace Collector.Worker.Tests.Hosting.Systemd;

public class SystemdLifetimeTests
{
    private const string Marker = "STATUS=marker";

    private readonly LogList<SystemdWatchdog> _log = new();

    [Fact]
    public async Task A_host_tells_when_it_is_ready_and_when_it_stops()
    {
        using var manager = new NotifySocket(isAbstract: true);
        using var host = Build(manager.Address);

        await host.StartAsync();
        manager.Receive().ShouldBe("READY=1");
        manager.HasMore.ShouldBeFalse();
        await host.StopAsync();
        manager.Receive().ShouldBe("STOPPING=1");
        manager.HasMore.ShouldBeFalse();
        host.Services.GetRequiredService<IHostLifetime>().ShouldBeOfType<SystemdLifetime>();
    }

    [Fact]
    public async Task A_host_with_a_watchdog_feeds_it()
    {
        using var manager = new NotifySocket(isAbstract: false);
        using var host = Build(manager.Address, TimeSpan.FromMilliseconds(20));

        await host.StartAsync();
        var received = new List<string>();
        while (received.Count(m => m == "WATCHDOG=1") < 3 || !received.Contains("READY=1"))
            received.Add(manager.Receive());
        await host.StopAsync();

        received.Count(m => m == "READY=1").ShouldBe(1);
        received.ShouldAllBe(m => m == "READY=1" || m == "WATCHDOG=1");
    }

    [Fact]
    public void Without_a_manager_the_host_keeps_its_own_lifetime()
    {
        using var host = Build(null);

        host.Services.GetRequiredService<ISystemdNotifier>().IsEnabled.ShouldBeFalse();
        host.Services.GetRequiredService<IHostLifetime>().ShouldNotBeOfType<SystemdLifetime>();
        host.Services.GetServices<IHostedService>().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_watchdog_is_not_fed_while_the_collection_is_not_alive()
    {
        using var manager = new NotifySocket(isAbstract: true);
        var notifier = manager.Notifier();
        var questions = 0;
        var asked = new TaskCompletionSource();
        using var watchdog = new SystemdWatchdog(notifier, Healthy, TimeSpan.FromMilliseconds(2), _log);

        await watchdog.StartAsync(default);
        await asked.Task;
        await watchdog.StopAsync(default);
        notifier.Notify(new ServiceState(Marker));

        var received = new List<string>();
        while (received.LastOrDefault() != Marker)
            received.Add(manager.Receive());
        // Three answers of health, then five of none, of which one is an exception.
        received.ShouldBe(["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", Marker]);
        _log.Lines.ShouldBe([
            "Error: The collection does not come round any more: the watchdog is not fed until it does",
            "Error: The health check itself failed"]);

        bool Healthy()
        {
            var question = ++questions;
            if (question >= 8)
                asked.TrySetResult();
            return question == 6 ? throw new InvalidOperationException() : question <= 3;
        }
    }

    [Theory]
    [InlineData("1000000", null, 1000.0)]
    [InlineData("1500", "self", 1.5)]
    [InlineData("1000000", "1", null)]
    [InlineData("0", null, null)]
    [InlineData("-5", null, null)]
    [InlineData("x", null, null)]
    [InlineData(null, null, null)]
    [InlineData("18446744073709551615", null, null)]
    public void The_limit_is_that_of_this_process(string? usec, string? pid, double? milliseconds)
    {
        var own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        SystemdWatchdog.Timeout(name => name == "WATCHDOG_USEC" ? usec : pid == "self" ? own : pid)
            .ShouldBe(milliseconds is { } expected ? TimeSpan.FromMilliseconds(expected) : null);
    }

    [Fact]
    public void Stopping_is_bounded_below_two_seconds()
    {
        var services = new ServiceCollection();
        services.AddHostingDefaults();
        using var provider = services.BuildServiceProvider();
        var options = provider.GetRequiredService<IOptions<HostOptions>>().Value;

        options.ShutdownTimeout.ShouldBeLessThan(TimeSpan.FromSeconds(2));
        options.ServicesStopConcurrently.ShouldBeTrue();
    }

    private static IHost Build(string? address, TimeSpan? watchdog = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSystemdNotify(NotifySocket.Notifier(address), watchdog, _ => () => true);
        return builder.Build();
    }
}
