using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Commands that ask an agent whose port has TLS and a token, and which has no socket beside it.</summary>
public sealed class AgentCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-guard-").FullName;
    private readonly TestCertificate _certificate;

    public AgentCommandsTests() => _certificate = new TestCertificate(_folder).Write();

    public void Dispose()
    {
        _certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void They_talk_TLS_show_the_token_and_say_why_they_are_refused()
    {
        var (port, token) = (FakeBackend.FreePort(), Path.Combine(_folder, "token"));
        File.WriteAllText(token, "s3cret\n");
        File.WriteAllText(Config, $"http: {{ listen: '127.0.0.1:{port}', certificate: {_certificate.Certificate}, "
            + $"key: {_certificate.Key}, tokenFile: {token}, socket: '' }}\ncollection: {{ interval: 1s }}\n"
            + "pods: { runtimeEndpoint: none }\n");
        using var agent = new AgentProcess("", $"exec \"$0\" run --config {Config}");
        agent.WaitForLog("first snapshot");
        string[] trust = ["--ca-file", _certificate.Authority], show = ["--token-file", token];
        foreach (var command in (string[][])[["status"], ["config", "diff"], ["watch", "--for", "1s"]])
        {
            var (code, output, error) = AgentProcess.Run([.. command, "-c", Config, .. trust, .. show]);
            code.ShouldBe(ExitCodes.Ok, error);
            var told = command[0] switch { "status" => "softnet", "watch" => " lost in ", _ => "" };
            (output + error).ShouldContain(told);
            error.ShouldNotContain("own eBPF");
        }
        AgentProcess.RunInShell($"NETLENS_TOKEN=s3cret \"$0\" status -c {Config} --ca-file {_certificate.Authority}")
            .Code.ShouldBe(ExitCodes.Ok);
        Refused($"netlens: https://127.0.0.1:{port} cannot be talked to over TLS: ", "-c", Config);
        Refused($"netlens: https://127.0.0.1:{port} does not let this token in; --token-file or NETLENS_TOKEN",
            ["-c", Config, .. trust]);
        Refused("netlens: --ca-file /nowhere: ", ["-c", Config, .. show, "--ca-file", "/nowhere"]);
        Refused("https://", "-s", $"127.0.0.1:{port}");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
        // Asked for by name: another agent of this machine would be found otherwise.
        Refused($"netlens: no running agent answers at https://127.0.0.1:{port}", "-s", $"https://127.0.0.1:{port}");
    }

    private string Config => Path.Combine(_folder, "netlens.yaml");

    private static void Refused(string message, params string[] args)
    {
        var (code, output, error) = AgentProcess.Run(["status", .. args]);
        (code, output).ShouldBe((ExitCodes.Unavailable, ""));
        error.ShouldContain(message);
        error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem();
    }
}
