using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Backends.Tests;

public sealed class TlsTests : IDisposable
{
    private readonly Authority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_server_of_the_named_authority_is_trusted_and_no_other(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync(certificate: _authority.Issue("server").Certificate);
        var settings = ClientTests.To(receiver, protocol);
        using var other = new Authority();

        (await SendAsync(settings with { Certificate = _authority.Certificate })).Accepted.ShouldBeTrue();
        (await SendAsync(settings with { Certificate = other.Certificate })).Failure.ShouldBe(OtlpFailure.Unreachable);
        (await SendAsync(settings)).Failure.ShouldBe(OtlpFailure.Unreachable);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_client_certificate_is_shown_to_a_server_that_asks(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync(
            certificate: _authority.Issue("server").Certificate, asksForCertificate: true);
        var (_, certificate, key) = _authority.Issue("client");
        var settings = ClientTests.To(receiver, protocol) with { Certificate = _authority.Certificate };
        var both = _authority.Write("both.pem", $"{File.ReadAllText(certificate)}\n{File.ReadAllText(key)}");

        (await SendAsync(settings with { ClientCertificate = certificate, ClientKey = key })).Accepted.ShouldBeTrue();
        (await SendAsync(settings with { ClientCertificate = both })).Accepted.ShouldBeTrue();
        (await SendAsync(settings with { Timeout = TimeSpan.FromSeconds(1) })).Accepted.ShouldBeFalse();
    }

    /// <summary>Without a reload, by both kinds of clients; what is no use meanwhile changes nothing.</summary>
    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_file_that_is_replaced_under_its_name_is_noticed(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync(certificate: _authority.Issue("server").Certificate);
        using var other = new Authority();
        var file = other.Write("followed.pem", File.ReadAllText(other.Certificate));
        var settings = ClientTests.To(receiver, protocol) with { Certificate = file };
        using var client = new OtlpClient(settings, "1", TimeProvider.System);
        (await client.SendAsync(new byte[100], default)).Failure.ShouldBe(OtlpFailure.Unreachable);

        other.Write("followed.pem", File.ReadAllText(_authority.Certificate));
        await UntilAsync(async () => (await client.SendAsync(new byte[100], default)).Accepted);

        var failures = Math.Max(0, CertificateRenewal.Failures);
        other.Write("followed.pem", "half of it");
        await UntilAsync(async () =>
        {
            (await client.SendAsync(new byte[100], default)).Accepted.ShouldBeTrue();
            return CertificateRenewal.Failures > failures;
        });
        other.Write("followed.pem", File.ReadAllText(other.Certificate));
        await UntilAsync(async () => !(await client.SendAsync(new byte[100], default)).Accepted);
    }

    private static async Task UntilAsync(Func<Task<bool>> done)
    {
        for (var tries = 0; tries < 600; tries++)
        {
            if (await done())
                return;
            await Task.Delay(100);
        }
        throw new InvalidOperationException("it was not noticed");
    }

    [Fact]
    public void A_file_that_is_no_use_is_named()
    {
        var text = _authority.Write("text.pem", "no certificate");
        var (_, certificate, _) = _authority.Issue("client");
        var (_, _, foreignKey) = _authority.Issue("foreign");

        Errors(new() { Certificate = "/nonexistent/ca.pem" }).ShouldContain("/nonexistent/ca.pem");
        Errors(new() { Certificate = text }).ShouldContain(text);
        Errors(new() { ClientCertificate = certificate }).ShouldContain(certificate);
        Errors(new() { ClientCertificate = certificate, ClientKey = foreignKey }).ShouldContain(certificate);
        Errors(new() { ClientKey = foreignKey }).ShouldContain("without a client certificate");
    }

    private static string Errors(OtlpSignalSettings settings)
    {
        var errors = new List<string>();
        var signal = settings with { Endpoint = new Uri("https://127.0.0.1:1") };
        OtlpTls.Check(new OtlpSettings { Metrics = signal, Logs = signal }, new Dictionary<string, string>(), errors);
        return errors.ShouldHaveSingleItem();
    }

    private static async Task<OtlpResult> SendAsync(OtlpSignalSettings settings)
    {
        using var client = new OtlpClient(
            settings, "1", TimeProvider.System, new(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50)));
        return await client.SendAsync(new byte[100], default);
    }
}
