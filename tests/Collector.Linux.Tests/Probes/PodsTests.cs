using System.Net.Sockets;
using Collector.Linux.Pods;
using Collector.Linux.Pods.Cri;

namespace Collector.Linux.Tests.Probes;

/// <summary>Without a runtime, and with one that is none; tests/Pods has real ones.</summary>
public sealed class PodsTests
{
    [Fact]
    public void Without_a_runtime_there_are_no_pods_and_nothing_fails()
    {
        using var run = new FileProbeRun("pods", FileProbeRun.Fixture("6.12"));
        var series = run.Collect();
        series.Value("netlens.pods.runtime.connected").ShouldBe(0);
        series.Value("netlens.pods.identities").ShouldBe(0);
        series.Value("netlens.pods.unresolved").ShouldBe(0);
        run.Failures.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_failure_of_a_call_names_the_socket_and_what_is_wrong_with_it()
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.sock");
        using var client = new CriClient(path);
        var failure = await Should.ThrowAsync<CriException>(() => AskAsync(client));
        failure.Reason.ShouldBe("connect");
        failure.Message.ShouldBe($"{path}: there is no such socket");
    }

    [Fact]
    public async Task A_socket_that_speaks_something_else_is_said_to()
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(4);
        var answer = Task.Run(() =>
        {
            using var accepted = listener.Accept();
            accepted.Send("220 mail.example.com ESMTP ready, how may I help you today?\r\n"u8);
            try
            {
                accepted.Receive(new byte[1000]);
            }
            catch (SocketException)
            {
                // The client hung up before it had read everything: a reset.
            }
        });
        try
        {
            using var client = new CriClient(path);
            var failure = await Should.ThrowAsync<CriException>(() => AskAsync(client));
            failure.Reason.ShouldBe("protocol");
            failure.Message.ShouldStartWith($"{path}: Version: ");
            await answer.WaitAsync(TimeSpan.FromSeconds(10));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Task<VersionResponse> AskAsync(CriClient client) =>
        client.CallAsync("Version", static (c, o) => c.VersionAsync(new VersionRequest(), o), CancellationToken.None);

    [Theory]
    [InlineData("unix:///run/x.sock", "/run/x.sock")]
    [InlineData("/run/y.sock", "/run/y.sock")]
    [InlineData("", null)]
    public void A_configured_socket_is_taken_at_its_word_and_a_recorded_tree_has_none(
        string configured, string? found) =>
        RuntimeSockets.Find(FileProbeRun.Fixture("6.12"), configured).ShouldBe(found);
}
