using System.Diagnostics;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;
using OpenTelemetry.Proto.Collector.Metrics.V1;

namespace Backends.Tests;

/// <summary>The program itself, on a clock that an administrator sets while it runs.</summary>
public sealed class ClockTests : IDisposable
{
    /// <summary>The time of day with as many seconds added as a file says; no other clock is touched.</summary>
    private const string Source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        static volatile long *shift;
        __attribute__((constructor)) static void map(void)
        {
            shift = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, open(getenv("CLOCK_SHIFT"), O_RDONLY | O_CLOEXEC), 0);
        }
        int clock_gettime(clockid_t clock, struct timespec *time)
        {
            int error = syscall(SYS_clock_gettime, clock, time);
            if (!error && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                time->tv_sec += *shift;
            return error;
        }
        int gettimeofday(struct timeval *restrict time, void *restrict zone)
        {
            int error = syscall(SYS_gettimeofday, time, zone);
            time->tv_sec += *shift;
            return error;
        }
        time_t time(time_t *at)
        {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            return at ? (*at = now.tv_sec) : now.tv_sec;
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-clock-");

    private string Shift => Path.Combine(_folder.FullName, "shift");

    [CompilerFact]
    public async Task Pushes_go_on_whatever_the_clock_is_set_to()
    {
        await using var receiver = await Receiver.StartAsync();
        Set(0);
        using var agent = new AgentProcess(
            "collection: {interval: 1s}\nprobes: {packetloss: off, tcpreset: off, tcpretrans: off}\n",
            ("LD_PRELOAD", Compile()), ("CLOCK_SHIFT", Shift),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Http.AbsoluteUri), ("OTEL_LOGS_EXPORTER", "none"));
        agent.WaitForLog("first snapshot");
        var before = await PushAsync(receiver);

        Set(-40);
        var back = await PushesAsync(receiver, 4);
        (before - back).ShouldBeInRange(20, 40, "the library does not shift the program's time");
        Set(60);
        Thread.Sleep(1000);
        Set(0);
        await PushesAsync(receiver, 4);
        agent.Get("/readyz").ShouldBe("ready\n");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>So many pushes at no more than the interval and a busy machine's delay; the time of the last.</summary>
    private static async Task<double> PushesAsync(Receiver receiver, int count)
    {
        var time = 0.0;
        for (var i = 0; i < count; i++)
        {
            var clock = Stopwatch.StartNew();
            time = await PushAsync(receiver);
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
        }
        return time;
    }

    /// <summary>Unix seconds of a push of the probes' metrics.</summary>
    private static async Task<double> PushAsync(Receiver receiver)
    {
        while (true)
        {
            var request = ExportMetricsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message);
            if (request.ResourceMetrics.SelectMany(r => r.ScopeMetrics).Any(s => s.Scope.Name == "netlens"))
                return request.Metrics().SelectMany(m => m.Numbers()).Max(p => p.TimeUnixNano) / 1e9;
        }
    }

    // In place: the program has the file mapped, and one that is empty for a moment would end it.
    private void Set(long seconds)
    {
        using var file = new FileStream(Shift, FileMode.OpenOrCreate);
        file.Write(BitConverter.GetBytes(seconds));
    }

    private string Compile()
    {
        var source = Path.Combine(_folder.FullName, "shift.c");
        File.WriteAllText(source, Source);
        Shell.Run("cc", "-shared", "-fPIC", "-O2", "-o", Path.ChangeExtension(source, ".so"), source);
        return Path.ChangeExtension(source, ".so");
    }
}

/// <summary>Runs where C can be compiled for glibc.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CompilerFactAttribute : FactAttribute
{
    public CompilerFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/cc"))
            Skip = "needs Linux and cc";
    }
}
