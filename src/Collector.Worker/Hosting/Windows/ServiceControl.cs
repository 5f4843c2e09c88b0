using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Collector.Worker.Hosting.Windows;

/// <summary>The manager itself, by advapi32 (winsvc.h). One service a process: the callbacks are static.</summary>
[SupportedOSPlatform("windows")]
internal sealed unsafe partial class ServiceControl : IServiceControl
{
    private const uint SERVICE_WIN32_OWN_PROCESS = 0x10;
    private const uint SERVICE_ACCEPT_STOP = 1;
    private const uint SERVICE_ACCEPT_SHUTDOWN = 4;
    private const uint NO_ERROR = 0;
    private const uint ERROR_CALL_NOT_IMPLEMENTED = 120;
    private const uint ERROR_SERVICE_SPECIFIC_ERROR = 1066;

    private static readonly Lock Gate = new();
    private static nint _handle;
    private static char* _name;
    private static Action? _main;
    private static Func<ServiceCommand, bool>? _command;

    public void Dispatch(string name, Action main, Func<ServiceCommand, bool> command)
    {
        (_main, _command) = (main, command);
        // Both are read until the process ends.
        _name = (char*)Marshal.StringToHGlobalUni(name);
        var table = (SERVICE_TABLE_ENTRYW*)NativeMemory.AllocZeroed(2, (nuint)sizeof(SERVICE_TABLE_ENTRYW));
        table[0] = new() { lpServiceName = _name, lpServiceProc = &OnMain };
        if (StartServiceCtrlDispatcherW(table) == 0)
        {
            throw new InvalidOperationException(
                $"the service control manager does not answer: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    public void SetStatus(ServiceStatus status)
    {
        var pending = status.State is ServiceRunState.StartPending or ServiceRunState.StopPending;
        var native = new SERVICE_STATUS
        {
            dwServiceType = SERVICE_WIN32_OWN_PROCESS,
            dwCurrentState = (uint)status.State,
            dwControlsAccepted =
                status.State == ServiceRunState.Running ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
            dwWin32ExitCode = status.ExitCode == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR,
            dwServiceSpecificExitCode = (uint)status.ExitCode,
            dwCheckPoint = pending ? 1u : 0,
            dwWaitHint = (uint)status.WaitHint.TotalMilliseconds,
        };
        lock (Gate)
        {
            if (_handle != 0)
                SetServiceStatus(_handle, &native);
        }
    }

    [UnmanagedCallersOnly]
    private static void OnMain(uint count, char** arguments)
    {
        lock (Gate)
            _handle = RegisterServiceCtrlHandlerExW(_name, &OnCommand, 0);
        _main!();
    }

    [UnmanagedCallersOnly]
    private static uint OnCommand(uint control, uint type, nint data, nint context) =>
        _command!((ServiceCommand)control) ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;

    private struct SERVICE_TABLE_ENTRYW
    {
        public char* lpServiceName;
        public delegate* unmanaged<uint, char**, void> lpServiceProc;
    }

    private struct SERVICE_STATUS
    {
        public uint dwServiceType;
        public uint dwCurrentState;
        public uint dwControlsAccepted;
        public uint dwWin32ExitCode;
        public uint dwServiceSpecificExitCode;
        public uint dwCheckPoint;
        public uint dwWaitHint;
    }

    [LibraryImport("advapi32.dll", SetLastError = true)]
    private static partial int StartServiceCtrlDispatcherW(SERVICE_TABLE_ENTRYW* table);

    [LibraryImport("advapi32.dll", SetLastError = true)]
    private static partial nint RegisterServiceCtrlHandlerExW(
        char* name, delegate* unmanaged<uint, uint, nint, nint, uint> handler, nint context);

    [LibraryImport("advapi32.dll", SetLastError = true)]
    private static partial int SetServiceStatus(nint handle, SERVICE_STATUS* status);
}
