using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Windows;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Collector.Worker.Tests.Hosting.Windows;

/// <summary>The handshake against a manager of the tests' own; tests/Windows has the real program under Wine.</summary>
public class WindowsServiceTests
{
    private const ServiceCommand Pause = (ServiceCommand)2;

    [Fact]
    public async Task A_host_tells_when_it_runs_and_the_manager_stops_it()
    {
        using var manager = new Manager();
        var session = new ServiceSession("x", manager);
        using var host = Build(session);

        await host.StartAsync();
        manager.Told.ShouldBe(["StartPending 0", "Running 0"]);
        manager.Name.ShouldBe("x");
        manager.Command!(ServiceCommand.Stop).ShouldBeTrue();
        await host.WaitForShutdownAsync();
        manager.Told.Last().ShouldBe("StopPending 0");
        session.Stopped(ExitCodes.Ok);

        manager.Told.ShouldBe(["StartPending 0", "Running 0", "StopPending 0", "Stopped 0"]);
        manager.Ended.Wait(TimeSpan.FromSeconds(30)).ShouldBeTrue("the thread that belongs to the manager ends");
    }

    [Fact]
    public async Task A_host_that_ends_by_itself_says_so_with_its_exit_code()
    {
        using var manager = new Manager();
        var session = new ServiceSession("x", manager);
        using var host = Build(session);

        await host.StartAsync();
        await host.StopAsync();
        session.Stopped(ExitCodes.Failure);

        manager.Told.ShouldBe(["StartPending 0", "Running 0", "StopPending 0", "Stopped 1"]);
    }

    [Fact]
    public async Task What_never_came_to_start_has_stopped_with_its_exit_code()
    {
        using var manager = new Manager();
        var session = new ServiceSession("x", manager);

        await session.ConnectAsync();
        session.Stopped(ExitCodes.Configuration);

        manager.Told.ShouldBe(["StartPending 0", "Stopped 3"]);
    }

    [Fact]
    public async Task Asked_for_its_state_it_tells_the_one_that_it_is_in()
    {
        using var manager = new Manager();
        var session = new ServiceSession("x", manager);
        await session.ConnectAsync();
        session.Running();

        manager.Command!(ServiceCommand.Interrogate).ShouldBeTrue();
        manager.Command(Pause).ShouldBeFalse();

        manager.Told.ShouldBe(["StartPending 0", "Running 0", "Running 0"]);
        session.Stopped(0);
    }

    [Fact]
    public async Task Who_is_stopped_while_it_starts_does_not_run_after_that()
    {
        using var manager = new Manager();
        var session = new ServiceSession("x", manager);
        var stops = 0;
        await session.ConnectAsync(() => stops++);

        manager.Command!(ServiceCommand.Shutdown).ShouldBeTrue();
        session.Running();
        session.Stopped(0);
        session.Stopping();

        stops.ShouldBe(1);
        manager.Told.ShouldBe(["StartPending 0", "StopPending 0", "Stopped 0"]);
    }

    [Fact]
    public async Task A_manager_that_does_not_answer_keeps_the_host_from_starting()
    {
        using var manager = new Manager { Refusal = "nobody there" };
        using var host = Build(new ServiceSession("x", manager));

        (await Should.ThrowAsync<InvalidOperationException>(() => host.StartAsync())).Message.ShouldBe("nobody there");
        manager.Told.ShouldBeEmpty();
    }

    [Fact]
    public async Task Outside_of_a_service_nothing_changes()
    {
        WindowsServiceHelpers.IsWindowsService().ShouldBeFalse();
        await WindowsServiceHelpers.ReportEndAsync(ExitCodes.Failure);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var before = builder.Services.Count;
        builder.Services.AddWindowsService().Count.ShouldBe(before);
    }

    private static IHost Build(ServiceSession session)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddWindowsService(session);
        return builder.Build();
    }

    /// <summary>
    /// Plays the manager: calls main as the real one does, and comes back when the service has stopped.
    /// </summary>
    private sealed class Manager : IServiceControl, IDisposable
    {
        private readonly List<ServiceStatus> _told = [];
        private readonly ManualResetEventSlim _stopped = new();

        public string? Refusal { get; init; }

        public string? Name { get; private set; }

        public Func<ServiceCommand, bool>? Command { get; private set; }

        public ManualResetEventSlim Ended { get; } = new();

        public IEnumerable<string> Told
        {
            get
            {
                lock (_told)
                    return [.. _told.Select(s => $"{s.State} {s.ExitCode}")];
            }
        }

        public void Dispatch(string name, Action main, Func<ServiceCommand, bool> command)
        {
            if (Refusal is not null)
                throw new InvalidOperationException(Refusal);
            (Name, Command) = (name, command);
            main();
            _stopped.Wait();
            Ended.Set();
        }

        public void SetStatus(ServiceStatus status)
        {
            lock (_told)
                _told.Add(status);
            // The manager does not wait for ever: a state that passes must say how long it takes.
            (status.WaitHint > TimeSpan.Zero)
                .ShouldBe(status.State is ServiceRunState.StartPending or ServiceRunState.StopPending);
            if (status.State == ServiceRunState.Stopped)
                _stopped.Set();
        }

        // The waiting thread may still look at them: they are left to the collector.
        public void Dispose() => _stopped.Set();
    }
}
