using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Collector.Tests.Support;

namespace Windows.Tests;

/// <summary>The package as it is handed out, on a Windows that Wine plays.</summary>
public sealed class WindowsTests
{
    // winsvc.h
    private const string Stopped = "1";
    private const string Running = "4";

    [RequiresWineFact]
    public void On_a_console_commands_work_five_probes_run_and_an_interrupt_ends_it()
    {
        using var windows = new Wine();
        windows.Windows(windows.Netlens, "version")
            .ShouldMatch(@"^netlens \d+\.\d+\.\d+ \(\.NET 10\.[0-9.]+, win-x64\)");

        using var json = JsonDocument.Parse(windows.Windows(windows.Netlens, "doctor", "--format", "json"));
        var verdicts = json.RootElement.GetProperty("probes").EnumerateArray()
            .ToDictionary(p => p.GetProperty("probe").GetString()!, p => p);
        verdicts.Where(p => p.Value.GetProperty("verdict").GetString() == "ok").Select(p => p.Key)
            .ShouldBe(["netdev", "tcp", "udp", "ip", "icmp"], ignoreOrder: true);
        verdicts.Values.Where(p => p.GetProperty("verdict").GetString() != "ok")
            .ShouldAllBe(p => p.GetProperty("reason").GetString() == "needs Linux");
        json.RootElement.GetProperty("problems").GetArrayLength().ShouldBe(0);

        windows.Windows(windows.Netlens, "once", "--probe", "netdev", "--zeros").ShouldContain("interface=lo");
        windows.Windows(windows.Netlens, "run", "--help").ShouldContain(@"C:\ProgramData\Netlens\netlens.yaml");

        var agent = windows.Start(windows.Netlens, "run");
        Wine.Until(() => windows.Http("/healthz") == "ok\n", "the agent");
        Wine.Until(() => windows.Http("/metrics")!.Contains("system_network_io_bytes_total"), "a collection");

        Shell.Run("kill", "-INT", agent.Id.ToString());
        agent.WaitForExit(TimeSpan.FromSeconds(30)).ShouldBeTrue("it did not end");
        agent.ExitCode.ShouldBe(0);
    }

    [RequiresWineFact]
    public void The_service_is_installed_replaced_stopped_and_removed()
    {
        using var windows = new Wine();
        Install(windows);
        var config = windows.DriveC("ProgramData/Netlens/netlens.yaml");
        File.AppendAllText(config, "# kept\n");
        Install(windows);
        File.ReadAllText(config).ShouldEndWith("# kept\n");
        windows.Http("/metrics")!.ShouldContain("system_network_io_bytes_total");

        windows.Windows("sc", "stop", "Netlens");
        Wine.Until(() => windows.Service() is (Stopped, "0"), "a stop in good order");
        windows.Http("/healthz").ShouldBeNull();

        // It never came to start: said at once, long before the manager would give it up.
        File.WriteAllText(config, "http: {listen: 9102}\n");
        var clock = Stopwatch.StartNew();
        windows.TryWindows("sc", "start", "Netlens");
        Wine.Until(() => windows.Service() is (Stopped, "3"), "the exit code of a wrong configuration");
        clock.Elapsed.ShouldBeLessThan(Wine.PatienceOfManager / 2);
        File.ReadAllText(windows.Log).ShouldContain("key 'http.listen': '9102' is neither host:port nor unix:/path",
            Case.Sensitive, "the event log says why");

        File.WriteAllText(config, "http: {listen: 203.0.113.1:9102, insecure: true}\n");
        windows.TryWindows("sc", "start", "Netlens");
        Wine.Until(() => windows.Service() is (Stopped, "4"), "the exit code of a start that failed half way");

        windows.Script("uninstall.cmd").Code.ShouldBe(0);
        windows.Service().ShouldBeNull();
        Directory.Exists(windows.DriveC("Program Files/Netlens")).ShouldBeFalse();
        File.Exists(config).ShouldBeTrue();
        windows.Script("uninstall.cmd", "/purge").Code.ShouldBe(0);
        Directory.Exists(windows.DriveC("ProgramData/Netlens")).ShouldBeFalse();
    }

    [Fact]
    public void The_package_has_its_licences()
    {
        using var package = ZipFile.OpenRead(Wine.Package.Value);
        var top = package.Entries[0].FullName.Split('/')[0];
        foreach (var (path, text) in Licences.ByPath)
        {
            using var content = new StreamReader(package.GetEntry($"{top}/{path}").ShouldNotBeNull(path).Open());
            content.ReadToEnd().ShouldBe(text, path);
        }
    }

    [RequiresWineFact]
    public void The_package_is_the_same_file_twice()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-zip-");
        try
        {
            File.ReadAllBytes(Wine.Build(folder.FullName)).ShouldBe(File.ReadAllBytes(Wine.Package.Value));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Install(Wine windows)
    {
        var (code, output, error) = windows.Script("install.cmd");
        code.ShouldBe(0, output + error);
        Wine.Until(() => windows.Service()?.State == Running, "the running service");
        Wine.Until(() => windows.Http("/healthz") == "ok\n", "its page");
    }
}
