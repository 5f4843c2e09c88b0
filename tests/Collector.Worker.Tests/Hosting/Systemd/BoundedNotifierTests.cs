using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Worker.Hosting.Systemd;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Tests.Hosting.Systemd;

public partial class BoundedNotifierTests
{
    private readonly LogList<BoundedNotifier> _log = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Messages_arrive_as_sd_notify_defines_them(bool isAbstract)
    {
        using var manager = new NotifySocket(isAbstract);
        var notifier = new BoundedNotifier(manager.Notifier(), _log);

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

    [Fact]
    public void Without_a_socket_nothing_is_sent()
    {
        var notifier = new BoundedNotifier(NotifySocket.Notifier(null), _log);

        notifier.IsEnabled.ShouldBeFalse();
        notifier.Notify(ServiceState.Ready);
        notifier.Errors.ShouldBe(0);
        _log.Lines.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("vsock:2:1234")]
    [InlineData("relative/path")]
    [InlineData("@")]
    [InlineData("/")]
    [InlineData("@netlens-nobody")]
    [InlineData("/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
        + "/01234567890123456789012345678901234567890123456789012345678901234567890123456789")]
    public void An_address_that_nobody_listens_on_is_told_once_and_counted(string address)
    {
        var notifier = new BoundedNotifier(NotifySocket.Notifier(address), _log);

        for (var i = 0; i < 3; i++)
            notifier.Notify(ServiceState.Ready);

        notifier.Errors.ShouldBe(3);
        _log.Lines.ShouldHaveSingleItem().ShouldMatch("(?s)^Warning: .*further failures are only counted");
    }

    [Fact]
    public void A_manager_that_goes_away_is_told_once_and_one_that_comes_back_is_told_again()
    {
        var manager = new NotifySocket(isAbstract: false);
        var notifier = new BoundedNotifier(manager.Notifier(), _log);
        notifier.Notify(ServiceState.Ready);
        manager.Receive().ShouldBe("READY=1");
        manager.Dispose();

        notifier.Notify(ServiceState.Watchdog);
        notifier.Notify(ServiceState.Watchdog);
        using var again = new NotifySocket(manager.Address);
        notifier.Notify(ServiceState.Stopping);

        again.Receive().ShouldBe("STOPPING=1");
        notifier.Errors.ShouldBe(2);
        _log.Lines.ShouldHaveSingleItem();
    }

    [Fact]
    public void A_manager_that_does_not_read_is_no_obstacle_and_may_come_back()
    {
        using var manager = new NotifySocket(isAbstract: true);
        var notifier = new BoundedNotifier(manager.Notifier(), _log);

        var sent = 0;
        for (; notifier.Errors == 0; sent++)
            notifier.Notify(ServiceState.Watchdog);
        var clock = Stopwatch.StartNew();
        notifier.Notify(ServiceState.Watchdog);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        var received = Enumerable.Range(0, sent).Select(_ => manager.Receive()).ToList();
        notifier.Notify(ServiceState.Ready);

        sent.ShouldBeGreaterThan(1);
        received.ShouldAllBe(m => m == "WATCHDOG=1");
        manager.Receive().ShouldBe("READY=1");
        notifier.Errors.ShouldBe(2);
        _log.Lines.ShouldHaveSingleItem();
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
