using System.Diagnostics;
using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>A throw-away machine with systemd as process 1 (the script beside); gone when disposed.</summary>
internal sealed class Machine : IDisposable
{
    public static readonly string Script = Path.Combine(Repository.Root, "tests", "Packaging", "machine");
    private static int _number;

    public Machine()
    {
        Folder = Path.Combine(
            Path.GetTempPath(), $"netlens-machine-{Environment.ProcessId}-{Interlocked.Increment(ref _number)}");
        AppDomain.CurrentDomain.ProcessExit += DownAtExit;
        Shell.Run(Script, "up", Folder);
        // Somebody else's namespace, for what takes rights to see.
        Run("ip", "netns", "add", "shop");
    }

    /// <summary>A folder that outside and inside have in common.</summary>
    public string Folder { get; }

    /// <summary>Runs a program inside to its end and returns its output; throws when it fails.</summary>
    public string Run(params string[] command) => Shell.Run([Script, "exec", Folder, .. command]);

    public (int Code, string Output, string Error) Try(params string[] command) =>
        Shell.Try([Script, "exec", Folder, .. command]);

    /// <summary>Starts a program inside; disposing the machine ends it.</summary>
    public Process Start(params string[] command) => Shell.Start([Script, "exec", Folder, .. command]);

    /// <summary>Lays the payload over the machine's root, as a package does, without its scripts.</summary>
    public void CopyPayload()
    {
        Run("cp", "-a", Artifacts.Payload + "/.", "/");
        Run("systemctl", "daemon-reload");
    }

    /// <summary>A property of the service, as systemd has it.</summary>
    public string Show(string property) =>
        Run("systemctl", "show", "netlens.service", "--value", "-p", property).Trim();

    /// <summary>Adds lines to the unit, as <c>systemctl edit</c> does; none takes them away.</summary>
    public void Edit(params string[] lines)
    {
        var file = Path.Combine(Folder, "edit.conf");
        File.WriteAllLines(file, ["[Service]", .. lines]);
        Run("mkdir", "-p", "/etc/systemd/system/netlens.service.d");
        Run("cp", file, "/etc/systemd/system/netlens.service.d/test.conf");
        Run("systemctl", "daemon-reload");
    }

    public string Page(int port = 9102, string path = "metrics") =>
        Run("busybox", "wget", "-q", "-O", "-", $"http://127.0.0.1:{port}/{path}");

    public string Journal => Run("journalctl", "--no-pager", "-o", "cat", "-u", "netlens.service");

    /// <summary>Files that came or changed since the machine started, but for the state of its services.</summary>
    public IReadOnlyList<string> Changed() =>
        [.. Run("find", $"{Folder}/root/upper", "!", "-type", "d", "!", "-type", "c", "-printf", "/%P\n")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(f => !f.StartsWith("/var/log/journal/"))
            .Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= DownAtExit;
        Shell.Run(Script, "down", Folder);
    }

    private void DownAtExit(object? sender, EventArgs e) => Shell.Try(Script, "down", Folder);
}

/// <summary>A test that needs such a machine; skipped only where this one proves that it cannot be made.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresMachineFactAttribute : FactAttribute
{
    public RequiresMachineFactAttribute(params string[] tools) => Skip = MachineSupport.WhyNot(tools);
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresMachineTheoryAttribute : TheoryAttribute
{
    public RequiresMachineTheoryAttribute(params string[] tools) => Skip = MachineSupport.WhyNot(tools);
}

internal static class MachineSupport
{
    private static readonly Lazy<string?> Refusal = new(static () =>
        Shell.Try(Machine.Script, "check") is (not 0, _, var error) ? error.Trim() : null);

    public static string? WhyNot(string[] tools) => RootSupport.WhyNot([.. tools, "busybox"]) ?? Refusal.Value;
}
