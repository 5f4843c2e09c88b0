using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;

namespace Packaging.Tests;

/// <summary>What is particular to a program that brings its runtime along, compiled.</summary>
public sealed partial class NativeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-native-");

    private static string Own(string name) => Path.Combine(Artifacts.Payload, "usr/lib/netlens", name);

    /// <summary>With bullseye's loader and libraries, glibc 2.31, instead of this machine's.</summary>
    [RequiresRootFact("objdump", "clang")]
    public void It_starts_on_an_old_glibc_and_loads_libbpf_there()
    {
        var root = PackagingScript.Run("sysroot/build", "linux-x64");
        var libraries = Path.Combine(root, "lib/x86_64-linux-gnu");
        string[] old = [Path.Combine(root, "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, Own("netlens")];
        Shell.Run([.. old, "version"]).ShouldStartWith("netlens ");
        Shell.Run([.. old, "once", "--probe", "tcp"]).ShouldContain("netlens.tcp.segments");

        var log = Path.Combine(_folder.FullName, "loaded");
        var doctor = Shell.Run(
            ["env", "LD_DEBUG=files", $"LD_DEBUG_OUTPUT={log}", .. old, "doctor", "--format", "json"]);
        var loaded = Directory.GetFiles(_folder.FullName, "loaded.*").SelectMany(File.ReadLines)
            .Select(l => Initialised().Match(l)).Where(m => m.Success).Select(m => m.Groups["path"].Value).ToArray();
        loaded.ShouldContain(Path.Combine(libraries, "libc.so.6"));
        loaded.ShouldContain(Own("libbpf.so.1"));
        loaded.ShouldAllBe(l => l == Own("libbpf.so.1") || l.StartsWith(libraries));
        Verdicts(doctor).ShouldBe(Verdicts(Shell.Run(Own("netlens"), "doctor", "--format", "json")));
    }

    /// <summary>Emulated, with arm64's old glibc; qemu-user has neither netlink's socket diagnosis nor eBPF.</summary>
    [RequiresRootFact("qemu-aarch64-static", "aarch64-linux-gnu-objdump", "clang")]
    public void The_one_for_arm64_starts()
    {
        var root = PackagingScript.Run("sysroot/build", "linux-arm64");
        string[] emulated =
            ["qemu-aarch64-static", "-L", root, Path.Combine(Artifacts.Arm64Payload, "usr/lib/netlens/netlens")];
        Shell.Run([.. emulated, "version"]).ShouldMatch(@"^netlens 0\..* linux-arm64\)\n$");
        Shell.Run([.. emulated, "once", "--probe", "tcp"]).ShouldContain("netlens.tcp.segments");
        Shell.Run([.. emulated, "config", "check"]).ShouldNotBeNull();
        var ours = Shell.Run(Own("netlens"), "list", "probes");
        Shell.Run([.. emulated, "list", "probes"]).ShouldBe(ours);
    }

    [RequiresRootFact]
    public void The_bundled_libbpf_is_used_whatever_other_ones_there_are()
    {
        var other = Path.Combine(_folder.FullName, "libbpf.so.1");
        File.Copy(Own("libbpf.so.1"), other);
        // The empty word is the working directory.
        using var agent = new AgentProcess(
            "collection: { interval: 1s }", ("LD_LIBRARY_PATH", $"{_folder.FullName}:"));
        agent.WaitForLog("first snapshot");
        File.ReadLines($"/proc/{agent.Id}/maps").Where(l => l.Contains("libbpf") || l.Contains("libelf"))
            .Select(l => l[l.IndexOf('/')..]).Distinct().ShouldBe([Own("libbpf.so.1")]);
    }

    /// <summary>A user that may have only so many threads: where the next one is missing differs.</summary>
    [RequiresRootFact("setpriv", "prlimit")]
    public void A_crash_names_the_functions()
    {
        // Where any user can start it.
        Shell.Run("sh", "-c", $"chmod 755 {_folder.FullName}; cp {Own("netlens")} {Own("libbpf.so.1")} {_folder.FullName}");
        var said = new List<string>();
        for (var threads = 3; threads < 12; threads++)
        {
            said.Add(Shell.Try(
                "setpriv", "--reuid", "61234", "--clear-groups", "prlimit", $"--nproc={threads}", "timeout", "2",
                Path.Combine(_folder.FullName, "netlens"), "run").Error);
        }
        string.Join('\n', said).ShouldMatch(@"\n(netlens:)? +at Collector\.[A-Za-z.]+\(");
    }

    [RequiresRootTheory("gdb", "dpkg-deb", "rpmbuild", "rpm2cpio", "cpio")]
    [InlineData("rpm")]
    [InlineData("deb")]
    public void A_debugger_finds_the_symbols_of_the_packages_by_the_programs_build_id(string kind)
    {
        var symbols = Artifacts.Symbols(kind == "rpm" ? Artifacts.Rpm : Artifacts.Deb);
        if (kind == "rpm")
            Shell.Run("sh", "-c", $"cd {_folder.FullName} && rpm2cpio {symbols} | cpio -id --quiet");
        else
            Shell.Run("dpkg-deb", "-x", symbols, _folder.FullName);
        var lookup = (string folder) => Shell.Run(
            "gdb", "-nx", "-batch", "-iex", $"set debug-file-directory {folder}", "-ex",
            "info address Collector_Linux_Collector_Linux_Interop_Libbpf__bpf_program__attach", Own("netlens"));
        lookup($"{_folder.FullName}/usr/lib/debug").ShouldContain("__attach\" is at 0x");
        Should.Throw<InvalidOperationException>(() => lookup("/nowhere")).Message.ShouldContain("No symbol ");
    }

    private static string[] Verdicts(string doctor)
    {
        using var document = JsonDocument.Parse(doctor);
        return [.. document.RootElement.GetProperty("probes").EnumerateArray()
            .Select(p => $"{p.GetProperty("probe").GetString()} {p.GetProperty("verdict").GetString()}")];
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [GeneratedRegex("calling init: (?<path>.*)", RegexOptions.None, 1000)]
    private static partial Regex Initialised();
}
