using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.EventLog;

namespace Collector.Worker.Hosting.Windows;

/// <summary>Whether the Windows service control manager started this process.</summary>
public static partial class WindowsServiceHelpers
{
    /// <summary>Name of the service and of its source in the event log; packaging/windows has it too.</summary>
    internal const string ServiceName = "Netlens";

    private static readonly Lazy<bool> Service =
        new(static () => OperatingSystem.IsWindows() && IsManager(ParentOf(CurrentProcess)));

    private static readonly Lazy<ServiceSession> TheSession = new(static () => OperatingSystem.IsWindows()
        ? new(ServiceName, new ServiceControl())
        : throw new PlatformNotSupportedException("services of this kind need Windows"));

    private const nint CurrentProcess = -1;

    /// <summary>True for a service's main process.</summary>
    public static bool IsWindowsService() => Service.Value;

    /// <summary>The process's conversation with the manager.</summary>
    internal static ServiceSession Session => TheSession.Value;

    /// <summary>
    /// Tells the manager, where there is one, that the service ended; also when it never came to start, which would
    /// otherwise look like a process that hangs.
    /// </summary>
    internal static async Task ReportEndAsync(int exitCode)
    {
        if (!IsWindowsService())
            return;
        try
        {
            await Session.ConnectAsync();
            Session.Stopped(exitCode);
        }
        catch (InvalidOperationException)
        {
            // It does not listen.
        }
    }

    /// <summary>A service has no standard error that anybody reads: its complaints go to the event log.</summary>
    internal static void Complain(string line)
    {
        if (!OperatingSystem.IsWindows() || !IsWindowsService())
            return;
        using var log = new EventLogLoggerProvider(new EventLogSettings { SourceName = ServiceName });
        log.CreateLogger("netlens").Log(LogLevel.Error, "{Line}", line);
    }

    /// <summary>The same for everything that is logged.</summary>
    internal static void AddServiceEventLog(this ILoggingBuilder logging)
    {
        if (OperatingSystem.IsWindows())
            logging.AddEventLog(new EventLogSettings { SourceName = ServiceName });
    }

    // The manager is a child of nobody that users could be, and its services are in its session (0; 1 under Wine).
    private static bool IsManager(int pid)
    {
        try
        {
            using var parent = Process.GetProcessById(pid);
            using var self = Process.GetCurrentProcess();
            return parent.ProcessName == "services" && parent.SessionId == self.SessionId;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return false;
        }
    }

    [SupportedOSPlatform("windows")]
    private static unsafe int ParentOf(nint process)
    {
        var found = default(PROCESS_BASIC_INFORMATION);
        var error = NtQueryInformationProcess(process, 0, &found, (uint)sizeof(PROCESS_BASIC_INFORMATION), null);
        return error == 0 ? (int)found.InheritedFromUniqueProcessId : -1;
    }

    // winternl.h
    private struct PROCESS_BASIC_INFORMATION
    {
        public nint ExitStatus;
        public nint PebBaseAddress;
        public nint AffinityMask;
        public nint BasePriority;
        public nint UniqueProcessId;
        public nint InheritedFromUniqueProcessId;
    }

    [LibraryImport("ntdll.dll")]
    private static unsafe partial int NtQueryInformationProcess(
        nint process, int kind, PROCESS_BASIC_INFORMATION* found, uint size, uint* needed);
}
