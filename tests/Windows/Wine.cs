using System.Diagnostics;
using System.IO.Compression;
using Collector.Tests.Support;

namespace Windows.Tests;

/// <summary>
/// A Windows of a test's own: a prefix of Wine with the unpacked package, in a network namespace. Everything that runs
/// in it ends, and its files are gone, when it is disposed.
/// </summary>
internal sealed class Wine : IDisposable
{
    /// <summary>After which the service control manager gives up a service that does not tell that it runs.</summary>
    public static readonly TimeSpan PatienceOfManager = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly string[] Folders = ["/usr/lib/wine", "/usr/lib64/wine", "/usr/bin"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-wine-");
    private readonly TestNetns _netns = new();

    public Wine()
    {
        ZipFile.ExtractToDirectory(Package.Value, _folder.FullName);
        Unpacked = Directory.EnumerateDirectories(_folder.FullName, "netlens-*-win-x64").Single();
        try
        {
            // A first start without Mono, which Wine would offer to fetch. What it starts inherits that: an end to it.
            Run("env", "WINEDLLOVERRIDES=mscoree,mshtml=", "sh", "-c",
                $"exec {Program} wineboot -i >/dev/null 2>&1 </dev/null");
            Run(Program!, "reg", "add", @"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f");
            Run(Program!, "reg", "add", @"HKLM\System\CurrentControlSet\Control", "/v", "ServicesPipeTimeout",
                "/t", "REG_DWORD", "/d", $"{PatienceOfManager.TotalMilliseconds}", "/f");
            End();
            // Services keep the streams of who starts them.
            Run("sh", "-c", $"exec {Program} wineboot >{Log} 2>&1 </dev/null");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Path of wine64; null where it is not installed.</summary>
    public static string? Program { get; } = Find("wine64");

    /// <summary>The zip, built when a source changed.</summary>
    public static Lazy<string> Package { get; } = new(() => Build(
        Path.Combine(Repository.Root, "artifacts", "windows")));

    /// <summary>The package's folder.</summary>
    public string Unpacked { get; }

    public string Netlens => Path.Combine(Unpacked, "program", "netlens.exe");

    /// <summary>What everything in this Windows complains about; the event log too.</summary>
    public string Log => Path.Combine(_folder.FullName, "log");

    /// <summary>A path of drive C, as Linux has it.</summary>
    public string DriveC(string path) => Path.Combine(_folder.FullName, "prefix", "drive_c", path);

    /// <summary>Runs the script that makes the package, and gives the package.</summary>
    public static string Build(string folder) => PackagingScript.Run("windows/build", folder).Split(": ")[0];

    /// <summary>Runs a Windows program to its end and returns its output; throws when it fails.</summary>
    public string Windows(params string[] command) => Run([Program!, .. command]);

    public (int Code, string Output, string Error) TryWindows(params string[] command) =>
        _netns.Try([.. Environment(), Program!, .. command]);

    /// <summary>Runs one of the package's scripts.</summary>
    public (int Code, string Output, string Error) Script(params string[] command) =>
        TryWindows(["cmd", "/c", "Z:" + Path.Combine(Unpacked, command[0]).Replace('/', '\\'), .. command[1..]]);

    /// <summary>Starts a Windows program that runs until this is disposed.</summary>
    public Process Start(params string[] command) => _netns.Start([.. Environment(), Program!, .. command]);

    /// <summary>What is answered at 127.0.0.1:9102; null while nobody answers.</summary>
    public string? Http(string path) =>
        _netns.Try("busybox", "wget", "-q", "-O", "-", $"http://127.0.0.1:9102{path}") is (0, var page, _)
            ? page
            : null;

    /// <summary>State and exit code of the service as sc(1) has them; null without the service.</summary>
    public (string State, string ExitCode)? Service()
    {
        var (code, output, _) = TryWindows("sc", "query", "Netlens");
        return code == 0 ? (WordOf(output, "STATE"), WordOf(output, "SERVICE_EXIT_CODE")) : null;
    }

    public static void Until(Func<bool> condition, string what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); Thread.Sleep(100))
        {
            if (clock.Elapsed > Patience)
                throw new TimeoutException($"never came: {what}");
        }
    }

    public void Dispose()
    {
        End();
        _netns.Dispose();
        _folder.Delete(recursive: true);
    }

    // Every process of this prefix, and of no other.
    private void End()
    {
        _netns.Try([.. Environment(), Find("wineserver")!, "-k"]);
        _netns.Try([.. Environment(), Find("wineserver")!, "-w"]);
    }

    private string Run(params string[] command) => _netns.Run([.. Environment(), .. command]);

    // Wine 8 has no FlushProcessWriteBuffers, without which garbage cannot be collected safely: so much room that the
    // short life of a test needs no collection.
    private string[] Environment() =>
    [
        "env", $"WINEPREFIX={_folder.FullName}/prefix", "WINEDEBUG=-all,err+eventlog", "WINEDLLOVERRIDES=mshtml=",
        "DISPLAY=", "DOTNET_EnableDiagnostics=0", "DOTNET_GCgen0size=10000000",
    ];

    // "        STATE              : 4  RUNNING"
    private static string WordOf(string output, string name) =>
        output.Split('\n').Single(line => line.TrimStart().StartsWith(name, StringComparison.Ordinal))
            .Split(':')[1].Trim().Split(' ')[0];

    private static string? Find(string tool) =>
        Folders.Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
}
