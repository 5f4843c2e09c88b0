using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Extensions.Hosting.WindowsServices;
using Microsoft.Extensions.Logging.EventLog;

namespace Collector.Worker.Hosting.Windows;

/// <summary>The process as a service of Windows; elsewhere all of this does nothing.</summary>
/// <remarks>Each method asks for Windows by itself: a program for Linux is then built without any of it.</remarks>
internal static class WindowsService
{
    /// <summary>Name of the service and of its source in the event log; packaging/windows has it too.</summary>
    private const string Name = "Netlens";

    private static readonly Lazy<bool> IsService = new(static () => OperatingSystem.IsWindows()
        && (WindowsServiceHelpers.IsWindowsService() || IsServiceOfWine()));

    /// <summary>The lifetime that reports to the manager, and the log to the event log.</summary>
    public static IServiceCollection AddWindowsServiceLifetime(this IServiceCollection services)
    {
        if (!OperatingSystem.IsWindows() || !IsService.Value)
            return services;
        services.Configure<WindowsServiceLifetimeOptions>(static o => o.ServiceName = Name);
        services.AddSingleton<ILoggerProvider>(EventLog());
        return services.AddSingleton<IHostLifetime, AgentServiceLifetime>();
    }

    /// <summary>
    /// Tells the manager that the service ended; also when it never came to start, which would otherwise look like a
    /// process that hangs.
    /// </summary>
    public static async Task ReportEndAsync(int exitCode)
    {
        if (!OperatingSystem.IsWindows() || !IsService.Value)
            return;
        if (!AgentServiceLifetime.Called)
            await MeetManagerAsync();
        AgentServiceLifetime.Stopped(exitCode);
    }

    /// <summary>A service has no standard error that anybody reads: its complaints go to the event log.</summary>
    public static void Complain(string line)
    {
        if (!OperatingSystem.IsWindows() || !IsService.Value)
            return;
        using var log = EventLog();
        log.CreateLogger("netlens").Log(LogLevel.Error, "{Line}", line);
    }

    [SupportedOSPlatform("windows")]
    private static EventLogLoggerProvider EventLog() => new(new EventLogSettings { SourceName = Name });

    // By a host with nothing in it, which never starts.
    private static async Task MeetManagerAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddWindowsServiceLifetime();
        using var host = builder.Build();
        try
        {
            await host.Services.GetRequiredService<IHostLifetime>().WaitForStartAsync(CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            // It does not listen.
        }
    }

    // Services are in session 1 there, where the package does not look for them; but as anywhere without a desktop.
    [SupportedOSPlatform("windows")]
    private static bool IsServiceOfWine() =>
        NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _)
        && !Environment.UserInteractive;
}
