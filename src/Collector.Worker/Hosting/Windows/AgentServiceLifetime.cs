using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Extensions.Hosting.WindowsServices;
using Microsoft.Extensions.Options;

namespace Collector.Worker.Hosting.Windows;

/// <summary>
/// The package's service, with three things of its own: the manager is told that it runs when everything has started,
/// how long a start or stop may take, and with which exit code it ended. That last word is ours alone
/// (<see cref="Stopped"/>): the package's has no room for an exit code of the service's own.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed partial class AgentServiceLifetime : WindowsServiceLifetime, IHostLifetime
{
    // Loading takes a second or two; a machine that has just started has other things to do as well.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = HostingDefaults.ShutdownTimeout + TimeSpan.FromSeconds(10);

    // One service a process.
    private static nint _manager;

    private readonly IHostApplicationLifetime _application;
    private readonly CancellationTokenRegistration _stopping;

    public AgentServiceLifetime(
        IHostEnvironment environment, IHostApplicationLifetime application, ILoggerFactory loggers,
        IOptions<HostOptions> host, IOptions<WindowsServiceLifetimeOptions> service)
        : base(environment, application, loggers, host, service)
    {
        AutoLog = false;
        _application = application;
        _stopping = application.ApplicationStopping.Register(
            static () => Tell(new() { State = SERVICE_STOP_PENDING, CheckPoint = 1, WaitHint = Hint(StopLimit) }));
    }

    /// <summary>The manager has called this process.</summary>
    public static bool Called => _manager != 0;

    /// <summary>The last word: the manager may end the process from here on.</summary>
    /// <param name="exitCode">One of <see cref="ExitCodes"/>.</param>
    public static void Stopped(int exitCode) => Tell(new()
    {
        State = SERVICE_STOPPED,
        ExitCode = exitCode == ExitCodes.Ok ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR,
        ServiceExitCode = (uint)exitCode,
    });

    // The package's stops the service here.
    Task IHostLifetime.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // Coming back from it is running.
    protected override void OnStart(string[] args)
    {
        _manager = ServiceHandle;
        RequestAdditionalTime((int)Hint(StartLimit));
        base.OnStart(args);
        _application.ApplicationStarted.WaitHandle.WaitOne();
    }

    protected override void OnStop()
    {
        base.OnStop();
        AwaitEnd();
    }

    protected override void OnShutdown()
    {
        base.OnShutdown();
        AwaitEnd();
    }

    protected override void Dispose(bool disposing)
    {
        _stopping.Dispose();
        base.Dispose(disposing);
    }

    // Coming back from a command to stop is having stopped. The thread ends with the process.
    private static void AwaitEnd() => Thread.Sleep(Timeout.Infinite);

    private static uint Hint(TimeSpan time) => (uint)time.TotalMilliseconds;

    // A manager that is gone is not the service's fault.
    private static unsafe void Tell(SERVICE_STATUS status)
    {
        status.Type = SERVICE_WIN32_OWN_PROCESS;
        _ = SetServiceStatus(_manager, &status);
    }

    // winsvc.h
    private const uint SERVICE_WIN32_OWN_PROCESS = 0x10;
    private const uint SERVICE_STOPPED = 1;
    private const uint SERVICE_STOP_PENDING = 3;
    private const uint NO_ERROR = 0;
    private const uint ERROR_SERVICE_SPECIFIC_ERROR = 1066;

    private struct SERVICE_STATUS
    {
        public uint Type;
        public uint State;
        public uint ControlsAccepted;
        public uint ExitCode;
        public uint ServiceExitCode;
        public uint CheckPoint;
        public uint WaitHint;
    }

    [LibraryImport("advapi32.dll")]
    private static unsafe partial int SetServiceStatus(nint manager, SERVICE_STATUS* status);
}
