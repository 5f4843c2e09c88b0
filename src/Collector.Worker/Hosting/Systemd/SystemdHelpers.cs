using System.Globalization;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>Whether systemd started this process.</summary>
public static class SystemdHelpers
{
    private static readonly Lazy<bool> Service =
        new(() => OperatingSystem.IsLinux() && IsSystemdService(Environment.GetEnvironmentVariable, ParentName));

    /// <summary>True for a service's main process, not for a shell that runs inside one.</summary>
    public static bool IsSystemdService() => Service.Value;

    internal static bool IsSystemdService(Func<string, string?> env, Func<string?> parentName)
    {
        // Since systemd 248: set to the pid of the process that was started, so that children know that it is not
        // theirs.
        if (env("SYSTEMD_EXEC_PID") is { Length: > 0 } pid)
            return pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        // Before (systemd 239 on the 8 series of Enterprise Linux): an invocation whose parent is the manager.
        return env("INVOCATION_ID") is { Length: > 0 } && parentName() == "systemd";
    }

    private static string? ParentName()
    {
        try
        {
            const string field = "PPid:";
            var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
            return File.ReadAllText($"/proc/{line[field.Length..].Trim()}/comm").TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }
}
