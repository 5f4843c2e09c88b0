using System.Diagnostics;
using System.Net.Sockets;
using Collector.Tests.Support;
using Collector.Worker.Hosting;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Who gets an answer from a listener of the running agent, as curl and openssl find it.</summary>
public sealed class ListenerSecurityTests : IDisposable
{
    private const string Quick = "collection: { interval: 1s }\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-guard-").FullName;
    private readonly TestCertificate _certificate;

    public ListenerSecurityTests() => _certificate = new(_folder);

    public void Dispose()
    {
        _certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("0.0.0.0:0", "", "set http.token or http.tokenFile, and http.certificate and http.key, or")]
    [InlineData("[::]:0", "token", "set http.certificate and http.key, or")]
    [InlineData("0.0.0.0:0", "tls", "set http.token or http.tokenFile, or")]
    public void A_port_that_others_reach_is_refused_without_token_and_TLS(string listen, string guards, string missing)
    {
        _certificate.Write();
        (string, string)[] variables =
        [
            ("NETLENS_HTTP_LISTEN", listen), .. guards == "tls" ? _certificate.Variables : [],
            ("NETLENS_HTTP_TOKEN", guards == "token" ? "s3cret" : ""),
        ];
        var line = $"env NETLENS_HTTP_LISTEN: key 'http.listen': {listen} can be reached from other machines: "
            + $"{missing} http.insecure: true";
        using var agent = new AgentProcess(Quick, variables);
        agent.WaitForExit().ShouldBe(ExitCodes.Configuration);
        agent.LogLines.ShouldBe([$"netlens: {line}"]);
        using var insecure = new AgentProcess(Quick, [.. variables, ("NETLENS_HTTP_INSECURE", "true")]);
        insecure.WaitForLog("first snapshot");
        insecure.LogLines.ShouldContain(l => l.Contains("other machines reach it (http.insecure)"));
    }

    [Fact]
    public void A_check_says_the_same_and_secrets_are_shown_nowhere()
    {
        var file = Path.Combine(_folder, "netlens.yaml");
        File.WriteAllText(file, "http: { listen: '0.0.0.0:0', token: s3cret }\n");
        var check = AgentProcess.Run("config", "check", "--config", file);
        check.Code.ShouldBe(ExitCodes.Configuration);
        check.Error.ShouldBe($"netlens: {file}:1: key 'http.listen': 0.0.0.0:0 can be reached from other machines: "
            + "set http.certificate and http.key, or http.insecure: true\n");
        var print = AgentProcess.Run("config", "print", "--config", file);
        print.Output.ShouldContain("# token: not shown");
        File.WriteAllText(file, "http: { token: 's3cret pass' }\n");
        var wrong = AgentProcess.Run("config", "check", "--config", file);
        wrong.Code.ShouldBe(ExitCodes.Configuration);
        string.Concat(check.Error, print.Output, print.Error, wrong.Output, wrong.Error).ShouldNotContain("s3cret");
    }

    [Fact]
    public void A_token_is_asked_for_and_followed_when_its_file_changes_goes_and_returns()
    {
        var token = Path.Combine(_folder, "token");
        File.WriteAllText(token, "first\n");
        using var agent = new AgentProcess(Quick, ("NETLENS_HTTP_TOKENFILE", token), ("NETLENS_HTTP_SOCKET", Socket));
        agent.WaitForLog("first snapshot");
        foreach (var path in (string[])["/metrics", "/findings", "/nothing"])
            Code(agent, path).ShouldBe(401);
        Code(agent, "/").ShouldBe(200, "the page asks for the token");
        Code(agent, "/metrics", "wrong").ShouldBe(401);
        Code(agent, "/metrics", "first").ShouldBe(200);
        Code(agent, "/nothing", "first").ShouldBe(404);
        Code(agent, "/healthz").ShouldBe(200);
        Code(agent, "/readyz").ShouldBe(200);
        Curl(agent, "/metrics", "-i").ShouldContain("WWW-Authenticate: Bearer realm=\"netlens\"");

        File.WriteAllText(token, "second");
        Until(() => Code(agent, "/metrics", "second"), 200);
        Code(agent, "/metrics", "first").ShouldBe(401);

        File.Delete(token);
        Until(() => Code(agent, "/metrics", "second"), 503);
        Code(agent, "/healthz").ShouldBe(200);
        agent.WaitForLog($"http.tokenFile: {token}: there is no such file: until it can be read");
        Until(() => Page().Contains("netlens_http_reads_failed_total{netlens_scope=\"node\"} 1"), true);
        File.WriteAllText(token, "third");
        Until(() => Code(agent, "/metrics", "third"), 200);
        agent.LogLines.Count(l => l.Contains("http.tokenFile")).ShouldBe(3, "changed, gone, there again");
        agent.LogLines.ShouldNotContain(l => l.Contains("third") || l.Contains("second"));
        Page().ShouldNotContain("error_type=\"wrong_token\"} 0");
    }

    [Fact]
    public void TLS_follows_its_files_and_keeps_the_last_good_pair()
    {
        _certificate.Write("forerunner");
        using var agent = new AgentProcess(Quick,
            [("NETLENS_HTTP_TOKEN", "s3cret"), ("NETLENS_HTTP_LISTEN", "0.0.0.0:0"), .. _certificate.Variables]);
        agent.WaitForLog("first snapshot");
        // Only the authority is trusted: the certificate between is the server's to send.
        Code(agent, "/metrics", "s3cret", "--cacert", _certificate.Authority).ShouldBe(200);
        Code(agent, "/metrics", "", "--cacert", _certificate.Authority).ShouldBe(401);
        Handshake(agent).ShouldContain("forerunner");
        Shell.Try("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", $"http://127.0.0.1:{agent.Address.Port}/")
            .Code.ShouldNotBe(0, "nobody is answered without TLS");

        _certificate.Write("successor");
        Until(() => Handshake(agent).Contains("successor"), true);
        Code(agent, "/metrics", "s3cret", "--cacert", _certificate.Authority).ShouldBe(200);
        agent.WaitForLog("http.certificate was read again");

        File.WriteAllText(_certificate.Key, "no key at all");
        agent.WaitForLog("the certificate of before stays in use").ShouldContain($"http.key: {_certificate.Key}: ");
        Code(agent, "/metrics", "s3cret", "--cacert", _certificate.Authority).ShouldBe(200);
        var page = Curl(agent, "/metrics", "--cacert", _certificate.Authority, "-H", "Authorization: bearer s3cret");
        page.ShouldContain("netlens_http_certificate_expiry_seconds{netlens_scope=\"node\"} 8");
        page.ShouldContain("netlens_http_handshakes_failed_total{netlens_scope=\"node\"} ");

        _certificate.Write("third", daysAgo: 9);
        agent.WaitForLog("http.certificate: it expired at ");
        Curl(agent, "/metrics", "-k", "-H", "Authorization: Bearer s3cret").ShouldContain("expiry_seconds{");
    }

    [Fact]
    public void An_old_protocol_is_refused_and_half_a_handshake_makes_way()
    {
        _certificate.Write();
        using var agent = new AgentProcess(Quick, [("NETLENS_HTTP_SOCKET", Socket), .. _certificate.Variables]);
        agent.WaitForLog("first snapshot");
        foreach (var (option, works) in (ReadOnlySpan<(string, bool)>)[("-tls1_1", false), ("-tls1_2", true)])
        {
            var seen = Handshake(agent, option);
            seen.Contains("Cipher is (NONE)").ShouldBe(!works, seen);
        }

        var before = agent.LogLines.Count();
        var idle = Enumerable.Range(0, 400).Select(_ => Half(agent)).ToList();
        Code(agent, "/healthz", "", "--cacert", _certificate.Authority).ShouldBe(200);
        var descriptors = Directory.GetFiles($"/proc/{agent.Id}/fd").Length;
        descriptors.ShouldBeLessThan(256 + 400, "connections at once are bounded");
        // None of them is waited for longer than the limit.
        Until(() => idle.TrueForAll(Ended), true);
        idle.ForEach(c => c.Dispose());
        Until(() => Page().Contains("netlens_http_handshakes_failed_total{netlens_scope=\"node\"} 40"), true);
        (agent.LogLines.Count() - before).ShouldBeLessThanOrEqualTo(3, string.Join('\n', agent.LogLines));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_query_of_a_megabyte_is_414_and_no_line_of_log(bool tls)
    {
        _certificate.Write();
        using var agent = new AgentProcess(Quick,
            [("NETLENS_HTTP_TOKEN", "s3cret"), .. tls ? _certificate.Variables : []]);
        agent.WaitForLog("first snapshot");
        var before = agent.LogLines.Count();
        // The server does not read on: whoever still sends may find the connection reset before he reads the answer.
        for (var i = 0; i < 20; i++)
            Ask(agent, 1 << 20).ShouldBeOneOf("414", "000");
        Ask(agent, 16 * 1024).ShouldBe("414");
        Code(agent, "/metrics", "s3cret", "--cacert", _certificate.Authority).ShouldBe(200);
        // A busy machine may be late with its collections.
        agent.LogLines.Skip(before).Where(l => !l.Contains("CollectionLoop")).ShouldBeEmpty();
    }

    private string Ask(AgentProcess agent, int length)
    {
        var query = Path.Combine(_folder, "query");
        File.WriteAllText(query, new string('a', length));
        return Shell.Try("curl", "-s", "--ipv4", "--cacert", _certificate.Authority, "-o", "/dev/null",
            "-w", "%{http_code}", "--get", "--data-urlencode", $"naming@{query}", $"{Base(agent)}/metrics").Output;
    }

    [Theory]
    [InlineData("no key", "http.key': KEY: ")]
    [InlineData("key of another", "http.key': KEY: ")]
    [InlineData("encrypted", "http.key': KEY: is encrypted; a key without a passphrase is needed")]
    [InlineData("gone", "http.certificate': CERTIFICATE: there is no such file")]
    [InlineData("swapped", "http.certificate': CERTIFICATE: no certificate in it")]
    [InlineData("half", "key 'http.certificate': is set without http.key")]
    [InlineData("empty token", "http.tokenFile': KEY: is empty text")]
    public void Files_that_are_no_use_end_the_start(string what, string said)
    {
        _certificate.Write();
        var (certificate, key) = (_certificate.Certificate, _certificate.Key);
        if (what is "no key" or "empty token")
            File.WriteAllText(key, what == "no key" ? "-----BEGIN PRIVATE KEY-----" : "\n");
        else if (what == "key of another")
            Shell.Run("openssl", "genrsa", "-out", key, "2048");
        else if (what == "encrypted")
            _certificate.EncryptKey();
        else if (what == "gone")
            File.Delete(certificate);
        else if (what == "swapped")
            File.Copy(key, certificate, overwrite: true);
        (string, string)[] variables = what switch
        {
            "half" => [("NETLENS_HTTP_CERTIFICATE", certificate)],
            "empty token" => [("NETLENS_HTTP_TOKENFILE", key)],
            _ => _certificate.Variables,
        };
        using var agent = new AgentProcess(Quick, variables);
        agent.WaitForExit().ShouldBe(ExitCodes.Configuration, string.Join('\n', agent.LogLines));
        agent.LogLines.Single().ShouldContain(said.Replace("KEY", key).Replace("CERTIFICATE", certificate));
    }

    [Fact]
    public void A_reload_that_opens_the_port_is_refused()
    {
        using var agent = new AgentProcess(Quick);
        agent.WaitForLog("first snapshot");
        File.WriteAllText(agent.ConfigPath, "http: { listen: '0.0.0.0:0' }\n");
        agent.Signal("HUP");
        agent.WaitForLog("reload refused").ShouldContain("can be reached from other machines: set http.token");
        Code(agent, "/metrics").ShouldBe(200);
    }

    private string Socket => Path.Combine(_folder, "netlens.sock");

    private static TcpClient Half(AgentProcess agent)
    {
        var client = new TcpClient("127.0.0.1", agent.Address.Port);
        // The first bytes of a ClientHello.
        client.GetStream().Write([0x16, 3, 1, 2, 0, 1, 0]);
        return client;
    }

    private static bool Ended(TcpClient client)
    {
        try
        {
            return client.Client.Poll(0, SelectMode.SelectRead) && client.Client.Receive(new byte[1]) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static string Base(AgentProcess agent) =>
        $"{agent.Address.Scheme}://localhost:{agent.Address.Port}";

    private static int Code(AgentProcess agent, string path, string token = "", params string[] options) =>
        int.Parse(Curl(agent, path, [
            "-o", "/dev/null", "-w", "%{http_code}", "-H", token.Length > 0 ? $"Authorization: Bearer {token}" : "A: b",
            .. options,
        ]));

    private static string Curl(AgentProcess agent, string path, params string[] options) =>
        Shell.Run(["curl", "-s", "--ipv4", .. options, Base(agent) + path]);

    /// <summary>By the socket, which asks for no token.</summary>
    private string Page() => Shell.Run("curl", "-s", "--unix-socket", Socket, "http://any.name/metrics");

    private static string Handshake(AgentProcess agent, string option = "") => Shell.Try(
        "sh", "-c", $"openssl s_client {option} -connect 127.0.0.1:{agent.Address.Port} </dev/null").Output;

    private static void Until<T>(Func<T> ask, T answer)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(1); Thread.Sleep(100))
        {
            if (Equals(ask(), answer))
                return;
        }
        ask().ShouldBe(answer);
    }
}
