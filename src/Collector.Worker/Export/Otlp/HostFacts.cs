using System.Runtime.InteropServices;

namespace Collector.Worker.Export.Otlp;

/// <summary>What the resource says of the machine. Read once at start.</summary>
public sealed record HostFacts
{
    public required string HostName { get; init; }

    /// <summary>/etc/machine-id (machine-id(5)); null where there is none, as in most containers.</summary>
    public string? MachineId { get; init; }

    /// <summary>In the words of the semantic conventions: amd64, arm64, ...</summary>
    public required string Architecture { get; init; }

    /// <summary>linux, windows, ...</summary>
    public required string OsType { get; init; }

    /// <summary>NAME of os-release(5).</summary>
    public string? OsName { get; init; }

    /// <summary>VERSION_ID of os-release(5), else what the system calls its version.</summary>
    public string? OsVersion { get; init; }

    public string? OsDescription { get; init; }

    /// <summary>Reads the machine that we run on.</summary>
    /// <param name="root">Where its /etc is; another folder than "/" where the host's tree is mounted aside.</param>
    public static HostFacts Read(string root = "/")
    {
        var release = OsRelease(root);
        return new HostFacts
        {
            HostName = ReadHostName(),
            MachineId = FirstLine(Path.Combine(root, "etc/machine-id")),
            Architecture = RuntimeInformation.OSArchitecture switch
            {
                System.Runtime.InteropServices.Architecture.X64 => "amd64",
                System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
                System.Runtime.InteropServices.Architecture.Arm => "arm32",
                var other => other.ToString().ToLowerInvariant(),
            },
            OsType = OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsWindows() ? "windows" : "other",
            OsName = release.GetValueOrDefault("NAME"),
            OsVersion = release.GetValueOrDefault("VERSION_ID") ?? Environment.OSVersion.Version.ToString(),
            OsDescription = release.GetValueOrDefault("PRETTY_NAME") ?? RuntimeInformation.OSDescription,
        };
    }

    /// <summary>
    /// What hostname(1) prints. Environment.MachineName ends at the first dot, and a node whose host name is fully
    /// qualified is called by the whole of it in Kubernetes.
    /// </summary>
    public static string ReadHostName() => System.Net.Dns.GetHostName();

    private static string? FirstLine(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault()?.Trim() is { Length: > 0 } line ? line : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>NAME="Debian GNU/Linux", one per line; values may be quoted.</summary>
    private static Dictionary<string, string> OsRelease(string root)
    {
        var values = new Dictionary<string, string>();
        try
        {
            foreach (var line in File.ReadLines(Path.Combine(root, "etc/os-release")))
            {
                var equals = line.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0 && line[0] != '#')
                    values[line[..equals].Trim()] = line[(equals + 1)..].Trim().Trim('"', '\'');
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No such file outside Linux: the caller falls back on what the runtime knows.
        }
        return values;
    }
}
