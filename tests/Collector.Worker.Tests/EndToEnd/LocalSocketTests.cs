using Collector.Tests.Support;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>The Unix socket beside the port.</summary>
public sealed class LocalSocketTests : IDisposable
{
    private const string Quick = "collection: { interval: 1s }\n";
    private const string Default = "/run/netlens/netlens.sock";

    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-socket-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Socket => Path.Combine(_folder, "sub", "netlens.sock");

    [Theory]
    [InlineData("000")]
    [InlineData("077")]
    public void It_is_the_owners_and_the_groups_whatever_the_umask(string umask)
    {
        using var agent = new AgentProcess(
            Quick, $"umask {umask}; exec \"$0\" run --config \"$1\"",
            ("NETLENS_HTTP_SOCKET", Socket), ("NETLENS_HTTP_TOKEN", "s3cret"));
        agent.WaitForLog("first snapshot");
        Shell.Run("stat", "-c", "%F %a", Socket).ShouldBe("socket 660\n");
        // No token, any host name, the same pages.
        Ask("/metrics").ShouldContain("netlens_tcp_");
        Ask("/healthz").ShouldBe("ok\n");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
        File.Exists(Socket).ShouldBeFalse();
    }

    [Fact]
    public void A_second_agent_that_was_told_to_have_it_does_not_start_and_a_dead_one_makes_way()
    {
        using var first = new AgentProcess(Quick, ("NETLENS_HTTP_SOCKET", Socket));
        first.WaitForLog("first snapshot");
        using (var second = new AgentProcess(Quick, ("NETLENS_HTTP_SOCKET", Socket)))
        {
            second.WaitForExit().ShouldBe(ExitCodes.CannotStart);
            second.LogLines.ShouldContain(l =>
                l.Contains($"cannot listen on unix:{Socket}: already in use by another process"));
        }
        Ask("/healthz").ShouldBe("ok\n");
        first.Signal("KILL");
        first.WaitForExit();
        File.Exists(Socket).ShouldBeTrue();
        using var third = new AgentProcess(Quick, ("NETLENS_HTTP_SOCKET", Socket));
        third.WaitForLog("first snapshot");
        Ask("/healthz").ShouldBe("ok\n");
    }

    [Fact]
    public void None_is_made_where_none_is_wanted_and_none_without_HTTP()
    {
        using var none = new AgentProcess(Quick, ("NETLENS_HTTP_SOCKET", Socket), ("NETLENS_HTTP_ENABLED", "false"));
        none.WaitForLog("first snapshot");
        File.Exists(Socket).ShouldBeFalse();
        var file = Path.Combine(_folder, "netlens.yaml");
        File.WriteAllText(file, "http: { listen: '127.0.0.1:0', socket: '' }\n");
        using var agent = new AgentProcess("", "exec \"$0\" run --config " + file);
        agent.WaitForLog("first snapshot");
        agent.LogLines.ShouldNotContain(l => l.Contains("socket:") || l.Contains("unix:"));
    }

    /// <summary>In a mount namespace, for the default is one for the machine.</summary>
    [RequiresRootFact("unshare", "nsenter")]
    public void Of_two_agents_on_a_machine_the_first_has_the_default()
    {
        using var first = new AgentProcess(Quick, "exec unshare --mount --propagation private "
            + "sh -c 'mount -t tmpfs -o mode=755 none /run; exec \"$0\" run --config \"$1\"' \"$0\" \"$1\"");
        first.WaitForLog("first snapshot");
        Shell.Run("nsenter", "-t", $"{first.Id}", "-m", "stat", "-c", "%F %a %U", "/run/netlens", Default)
            .ShouldBe("directory 755 root\nsocket 660 root\n");
        using (var second = new AgentProcess(Quick, $"exec nsenter -t {first.Id} -m \"$0\" run --config \"$1\""))
        {
            second.WaitForLog("first snapshot");
            second.LogLines.Count(l => l.Contains(
                $"no local socket: cannot listen on unix:{Default}: already in use by another process")).ShouldBe(1);
            second.Signal("TERM");
            second.WaitForExit().ShouldBe(0);
        }
        Shell.Run("nsenter", "-t", $"{first.Id}", "-m", "curl", "-s", "--unix-socket", Default, "http://a/healthz")
            .ShouldBe("ok\n");
    }

    [RequiresRootTheory("unshare", "setpriv")]
    [InlineData("true", "Access to the path '/run/netlens' is denied.")]
    [InlineData("mkdir /run/netlens; chown 1234 /run/netlens",
        "the folder /run/netlens: belongs to user 1234, and not to root or to user 65534")]
    [InlineData("mkdir /run/else; ln -s /run/else /run/netlens",
        "the folder /run/netlens: is a link, and not a folder")]
    [InlineData("mkdir /run/netlens", "permission denied in /run/netlens")]
    [InlineData("echo mine >/run/netlens", "the folder /run/netlens: is no folder")]
    public void Where_the_default_cannot_be_had_it_goes_on_without(string prepare, string reason)
    {
        // Nobody can read the folders of the tests.
        Shell.Run("cp", "-r", Path.GetDirectoryName(AgentProcess.Program)!, $"{_folder}/bin");
        Shell.Run("chmod", "-R", "a+rX", _folder);
        File.WriteAllText($"{_folder}/netlens.yaml", $"http: {{ listen: 127.0.0.1:0 }}\n{Quick}");
        using var agent = new AgentProcess(Quick, "exec unshare --mount --propagation private "
            + $"sh -c 'mount -t tmpfs -o mode=755 none /run; {prepare}; exec setpriv --reuid 65534 --clear-groups "
            + $"{_folder}/bin/netlens run --config {_folder}/netlens.yaml'");
        agent.WaitForLog("first snapshot");
        agent.LogLines.Single(l => l.Contains("no local socket"))
            .ShouldEndWith($"no local socket: cannot listen on unix:{Default}: {reason}");
        agent.Get("/healthz").ShouldBe("ok\n");
    }

    [RequiresRootFact("setpriv")]
    public void A_key_that_may_not_be_read_is_named()
    {
        Shell.Run("cp", "-r", Path.GetDirectoryName(AgentProcess.Program)!, $"{_folder}/bin");
        Shell.Run("chmod", "-R", "a+rX", _folder);
        File.WriteAllText($"{_folder}/token", "s3cret");
        Shell.Run("chmod", "400", $"{_folder}/token");
        var (code, _, error) = Shell.Try("setpriv", "--reuid", "65534", "--clear-groups", "env",
            $"NETLENS_HTTP_TOKENFILE={_folder}/token", "NETLENS_HTTP_LISTEN=127.0.0.1:0",
            $"{_folder}/bin/netlens", "run");
        code.ShouldBe(ExitCodes.Configuration);
        error.ShouldBe($"netlens: env NETLENS_HTTP_TOKENFILE: key 'http.tokenFile': {_folder}/token: "
            + "may not be read: permission denied\n");
    }

    private string Ask(string path) => Shell.Run("curl", "-s", "--unix-socket", Socket, $"http://any.name{path}");
}
