using System.Diagnostics;
using Collector.Worker.Commands;
using Collector.Worker.Tests.EndToEnd;

namespace Collector.Worker.Tests.Watch;

/// <summary>Who knows inspector finds what he looks for, and is told what it is called.</summary>
public sealed class InspectorWordsTests
{
    [Theory]
    [InlineData("/usr/bin/inspector", "server -c x.yaml -d", "run -c x.yaml")]
    [InlineData("inspector", "server", "run")]
    [InlineData("inspector", "list probe", "list probe")]
    [InlineData("inspector", "", "")]
    [InlineData("/usr/bin/netlens", "server -c x.yaml", "server -c x.yaml")]
    [InlineData("", "run", "run")]
    public void Its_server_is_our_run(string program, string words, string meant)
    {
        try
        {
            InspectorWords.Translate(program, words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .ShouldBe(meant.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
        finally
        {
            InspectorWords.Translate("netlens", []);
        }
    }

    [Theory]
    [InlineData("list probe", "packetloss", "netlens list probes")]
    [InlineData("list probe -p tcp,udp", "udp", "netlens list probes")]
    [InlineData("list metric -p tcpext", "kubeskoop_tcpext_listendrops", "netlens list metrics")]
    [InlineData("list event -v", "TCPRESET_NOSOCK", "netlens list events")]
    public void Its_lists_are_flat(string words, string line, string here)
    {
        var result = AgentProcess.Run(words.Split(' '));
        result.Code.ShouldBe(0, result.Error);
        result.Output.Split('\n').ShouldContain(line);
        result.Error.ShouldBe($"netlens: inspector's '{string.Join(' ', words.Split(' ')[..2])}' is '{here}' here\n");
    }

    [Fact]
    public void What_is_off_by_default_is_listed_on_request()
    {
        AgentProcess.Run("list", "probe").Output.Split('\n').ShouldNotContain("slab");
        AgentProcess.Run("list", "probe", "-a").Output.Split('\n').ShouldContain("slab");
        AgentProcess.Run("list", "probe", "-p", "tpc").Code.ShouldBe(2);
    }

    [Fact]
    public void Its_words_are_in_no_help_and_no_error()
    {
        AgentProcess.Run("list", "--help").Output.ShouldNotContain("entity");
        AgentProcess.Run("list", "entiti").Error.ShouldNotContain("entity");
    }

    /// <summary>The host at least is an entity, without any runtime.</summary>
    [Fact]
    public void Entities_are_pods_and_the_host()
    {
        var result = AgentProcess.Run("list", "entity", "-v");
        result.Code.ShouldBe(0, result.Error);
        result.Output.Split('\n')[0].ShouldMatch(@"^NETNS +POD +NAMESPACE +PID +IP +SANDBOX +NSINUM$");
        result.Output.ShouldContain(new FileInfo("/proc/self/ns/net").LinkTarget!.Split('[')[1].TrimEnd(']'));
    }

    [Fact]
    public void A_metric_has_its_namespace_and_probe()
    {
        var result = AgentProcess.Run("diag", "metric", "-p", "tcpext,udp");
        result.Code.ShouldBe(0, result.Error);
        result.Error.ShouldContain("inspector's 'diag metric' is 'once --naming kubeskoop --probe tcpext udp' here");
        var lines = result.Output.Split('\n');
        lines[0].ShouldMatch(@"^METRIC +VALUE +NETNS +POD +NAMESPACE +PROBE$");
        lines.ShouldContain(l => l.StartsWith("kubeskoop_tcpext_listendrops ") && l.EndsWith(" tcpext"));
        lines.ShouldContain(l => l.StartsWith("kubeskoop_udp_") && l.EndsWith(" udp"));
    }

    [Fact]
    public void A_link_called_inspector_takes_its_words()
    {
        using var agent = new FakeAgent(async (_, send, stop) =>
        {
            await send(FakeAgent.Stream + FakeAgent.Event(1));
            await Task.Delay(Timeout.Infinite, stop);
        });
        var folder = Directory.CreateTempSubdirectory("netlens-inspector-");
        try
        {
            var link = Path.Combine(folder.FullName, "inspector");
            File.CreateSymbolicLink(link, AgentProcess.Program);
            var info = AgentProcess.StartInfo("watch", "-s", agent.Address, "-n", "1");
            info.FileName = link;
            using var watch = new WatchProcess(info);
            watch.WaitForLine("INFO tcpreset.sent Namespace= Pod= Node=127.0.0.1:");
            watch.WaitForExit().ShouldBe(0);

            info = AgentProcess.StartInfo("server", "-c", "/nowhere/config.yaml");
            info.FileName = link;
            using var server = Process.Start(info)!;
            var error = server.StandardError.ReadToEnd();
            server.WaitForExit();
            server.ExitCode.ShouldBe(3, error);
            error.ShouldStartWith("netlens: inspector's 'server' is 'netlens run' here\n");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
