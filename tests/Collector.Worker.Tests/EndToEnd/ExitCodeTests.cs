using System.Globalization;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>What commands end with, and that docs/commands.md has every code.</summary>
public sealed partial class ExitCodeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-exit-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Every_code_is_documented()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/commands.md"));
        var documented = Rows().Matches(page[page.IndexOf("## Exit codes", StringComparison.Ordinal)..])
            .Select(m => int.Parse(m.Groups["code"].Value, CultureInfo.InvariantCulture));
        documented.ShouldBe(typeof(ExitCodes).GetFields().Select(f => (int)f.GetRawConstantValue()!).Order());
    }

    [Theory]
    [InlineData(ExitCodes.Ok, "", "version")]
    [InlineData(ExitCodes.Failure, "paths: { proc: /no/such/folder }", "once", "--config", "FILE")]
    [InlineData(ExitCodes.Usage, "", "once", "--frmat", "json")]
    [InlineData(ExitCodes.Configuration, "colection: {}", "once", "--config", "FILE")]
    [InlineData(ExitCodes.CannotStart, "http: { listen: 192.0.2.1:9, insecure: true }", "run", "--config", "FILE")]
    [InlineData(ExitCodes.Unavailable, "paths: { sys: FOLDER }", "once", "--config", "FILE", "--probe", "rdma")]
    public void Each_code_has_its_cause(int code, string configuration, params string[] words)
    {
        var file = Path.Combine(_folder.FullName, "netlens.yaml");
        File.WriteAllText(file, configuration.Replace("FOLDER", _folder.FullName));
        var result = AgentProcess.Run([.. words.Select(w => w.Replace("FILE", file))]);
        result.Code.ShouldBe(code, result.Error);
        if (code != 0)
            result.Error.ShouldStartWith(words[0] == "run" ? "" : "netlens: ");
        result.Error.ShouldNotMatch("(?m)^   at ", "a stack trace is no message");
    }

    [Fact]
    public void What_was_asked_for_and_is_unavailable_is_said_beside_the_numbers_of_the_others()
    {
        var file = Path.Combine(_folder.FullName, "netlens.yaml");
        File.WriteAllText(file, $"paths: {{ sys: {_folder.FullName} }}");
        var result = AgentProcess.Run("once", "--config", file, "--probe", "rdma", "sock", "--netns", "host");
        result.Code.ShouldBe(ExitCodes.Unavailable);
        result.Error.ShouldBe(
            $"netlens: rdma is unavailable here: no RDMA device ({_folder.FullName}/class/infiniband)\n");
        result.Output.ShouldContain("netlens.sock.used");
        // Nobody asked for it by name.
        AgentProcess.Run("once", "--config", file, "--netns", "host").Code.ShouldBe(ExitCodes.Ok);
    }

    [RequiresRootFact]
    public void What_ran_and_saw_nothing_says_so()
    {
        using var ns = new TestNetns();
        var result = AgentProcess.Run("once", "--probe", "tcpretrans", "--netns", ns.Name, "--for", "200ms");
        result.Output.ShouldNotContain("netlens.tcpretrans", customMessage: "series of 0 exist, and are not shown");
        if (result.Code == ExitCodes.Unavailable)
            result.Error.ShouldStartWith("netlens: tcpretrans is unavailable here: ");
        else
            (result.Code, result.Error).ShouldBe((ExitCodes.Ok, "netlens: tcpretrans: nothing seen in 200ms\n"));
        // The node's own rows are not of that namespace.
        var softnet = AgentProcess.Run("once", "--probe", "softnet", "--netns", ns.Name);
        (softnet.Code, softnet.Error).ShouldBe((ExitCodes.Ok, "netlens: softnet: nothing of what was chosen\n"));
    }

    [RequiresRootFact("setpriv")]
    public void Without_root_the_true_reason_is_said_and_libbpf_s_guess_is_not()
    {
        Shell.Try("cp", "-r", Path.GetDirectoryName(AgentProcess.Program)!, $"{_folder.FullName}/bin").Code.ShouldBe(0);
        Shell.Try("chmod", "-R", "a+rX", _folder.FullName).Code.ShouldBe(0);
        var result = Shell.Try("setpriv", "--reuid", "65534", "--clear-groups", $"{_folder.FullName}/bin/netlens",
            "once", "--probe", "packetloss", "tcpretrans", "--for", "100ms");
        result.Code.ShouldBe(ExitCodes.Unavailable, result.Error);
        result.Error.ShouldNotContain("ake sure your kernel");
        foreach (var line in result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            line.ShouldMatch("is unavailable here: .*(CAP_BPF|libbpf|BTF)");
    }

    [RequiresRootFact("setpriv", "script")]
    public void Doctor_without_root_fits_on_a_screen_and_breaks_between_words()
    {
        Shell.Try("cp", "-r", Path.GetDirectoryName(AgentProcess.Program)!, $"{_folder.FullName}/bin").Code.ShouldBe(0);
        Shell.Try("chmod", "-R", "a+rX", _folder.FullName).Code.ShouldBe(0);
        var doctor = $"setpriv --reuid 65534 --clear-groups {_folder.FullName}/bin/netlens doctor";
        var shown = Shell.Try("env", "TERM=dumb", "script", "-qec", $"stty cols 80 rows 24; {doctor}", "/dev/null");
        var lines = shown.Output.TrimEnd().Split('\n').Select(l => l.TrimEnd('\r')).ToList();
        lines.Count.ShouldBeLessThanOrEqualTo(25, shown.Output);
        lines.ShouldAllBe(l => l.Length < 80);
        var said = string.Join(' ', lines.TakeWhile(l => !l.StartsWith("VERDICT")).Select(l => l.Trim()));
        said.ShouldContain("netlens: missing here: CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_NET_ADMIN");

        // In a pipe each has a line, with what it is needed for.
        var piped = Shell.Try("sh", "-c", doctor).Error.Split('\n');
        piped.Count(l => l.Contains(" is missing: needed ")).ShouldBe(7);
    }

    [GeneratedRegex(@"^\| (?<code>\d) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rows();
}
