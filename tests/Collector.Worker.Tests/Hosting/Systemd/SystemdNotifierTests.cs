using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Worker.Hosting.Systemd;

namespace Collector.Worker.Tests.Hosting.Systemd;

public partial class SystemdNotifierTests
{
    private readonly LogList<SystemdNotifier> _log = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Messages_arrive_as_sd_notify_defines_them(bool isAbstract)
    {
        using var manager = new NotifySocket(isAbstract);
        using var notifier = new SystemdNotifier(manager.Address, _log);

        notifier.IsEnabled.ShouldBeTrue();
        notifier.Notify(ServiceState.Ready);
        notifier.Notify(ServiceState.Status("17 namespaces\nMAINPID=1\r\nü"));
        notifier.Notify(ServiceState.Watchdog);
        notifier.Notify(ServiceState.Stopping);

        manager.Receive().ShouldBe("READY=1");
        manager.Receive().ShouldBe("STATUS=17 namespaces MAINPID=1 ü");
        manager.Receive().ShouldBe("WATCHDOG=1");
        manager.Receive().ShouldBe("STOPPING=1");
        manager.HasMore.ShouldBeFalse();
        notifier.Errors.ShouldBe(0);
        _log.Lines.ShouldBeEmpty();
    }

    [Fact]
    public void Reloading_carries_the_monotonic_clock_in_microseconds()
    {
        var before = MonotonicMicroseconds();
        var lines = ServiceState.Reloading().ToString().Split('\n');
        var after = MonotonicMicroseconds();

        lines.Length.ShouldBe(2);
        lines[0].ShouldBe("RELOADING=1");
        lines[1].ShouldStartWith("MONOTONIC_USEC=");
        long.Parse(lines[1]["MONOTONIC_USEC=".Length..], CultureInfo.InvariantCulture).ShouldBeInRange(before, after);
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData("", 0)]
    [InlineData("vsock:2:1234", 1)]
    [InlineData("relative/path", 1)]
    [InlineData("@", 1)]
    [InlineData("/", 1)]
    public void Without_a_usable_socket_it_is_quiet(string? address, int warnings)
    {
        using var notifier = new SystemdNotifier(address, _log);

        notifier.IsEnabled.ShouldBeFalse();
        Should.NotThrow(() => notifier.Notify(ServiceState.Ready));
        _log.Lines.Count(l => l.Contains("is not used")).ShouldBe(warnings);
    }

    [Fact]
    public void A_path_that_no_socket_can_have_is_refused_with_one_line()
    {
        using var notifier = new SystemdNotifier("/" + new string('x', 200), _log);

        notifier.IsEnabled.ShouldBeFalse();
        _log.Lines.ShouldHaveSingleItem().ShouldStartWith("Warning: NOTIFY_SOCKET /xxx");
    }

    [Fact]
    public void Failures_are_counted_and_told_once()
    {
        using var notifier = new SystemdNotifier($"@netlens-nobody-{Guid.NewGuid()}", _log);

        for (var i = 0; i < 3; i++)
            notifier.Notify(ServiceState.Ready);

        notifier.Errors.ShouldBe(3);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("further failures are only counted");
    }

    [Fact]
    public void A_manager_that_does_not_read_is_no_obstacle_and_may_come_back()
    {
        using var manager = new NotifySocket(isAbstract: true);
        using var notifier = new SystemdNotifier(manager.Address, _log);

        var sent = 0;
        for (; notifier.Errors == 0; sent++)
            notifier.Notify(ServiceState.Watchdog);
        while (manager.HasMore)
            manager.Receive();
        notifier.Notify(ServiceState.Ready);

        sent.ShouldBeGreaterThan(1);
        manager.Receive().ShouldBe("READY=1");
        notifier.Errors.ShouldBe(1);
    }

    [Fact]
    public void After_its_end_it_sends_nothing_and_does_not_throw()
    {
        using var manager = new NotifySocket(isAbstract: true);
        var notifier = new SystemdNotifier(manager.Address, _log);
        notifier.Dispose();

        notifier.Notify(ServiceState.Ready);

        manager.HasMore.ShouldBeFalse();
        notifier.Errors.ShouldBe(1);
    }

    [Theory]
    [InlineData("self", null, null, true)]
    [InlineData("1", "x", "systemd", false)]
    [InlineData(null, "x", "systemd", true)]
    [InlineData(null, "x", "bash", false)]
    [InlineData(null, "x", null, false)]
    [InlineData(null, null, "systemd", false)]
    public void A_service_is_what_the_manager_started_itself(
        string? pid, string? invocation, string? parent, bool expected)
    {
        var own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        SystemdHelpers.IsSystemdService(
            name => name switch
            {
                "SYSTEMD_EXEC_PID" => pid == "self" ? own : pid,
                "INVOCATION_ID" => invocation,
                _ => null,
            },
            () => parent).ShouldBe(expected);
    }

    private static long MonotonicMicroseconds()
    {
        const int monotonic = 1;
        clock_gettime(monotonic, out var time).ShouldBe(0);
        return (time.Seconds * 1_000_000) + (time.Nanoseconds / 1000);
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Timespec time);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
