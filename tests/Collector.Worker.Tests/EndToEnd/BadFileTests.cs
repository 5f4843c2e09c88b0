using System.Diagnostics;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>A file that the configuration names may be anything: the answer is an error, at once, with its place.</summary>
public sealed class BadFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-files-");

    private string Config => Path.Combine(_folder.FullName, "f.yaml");

    private string Bad => Path.Combine(_folder.FullName, "bad");

    [Theory]
    [InlineData("mkfifo $F", "is a pipe that nobody writes to")]
    [InlineData("ln -s /dev/zero $F", "is larger than 1048576 bytes")]
    [InlineData("ln -s /dev/null $F", "no certificate in it")]
    [InlineData("mkdir $F", "is a directory, not a file")]
    [InlineData("truncate -s 20G $F", "is larger than 1048576 bytes")]
    [InlineData("true", "there is no such file")]
    [InlineData("ln -s $F $F", "cannot be read: Too many levels of symbolic links")]
    [InlineData("echo nonsense > $F", "no certificate in it")]
    public void A_certificate(string make, string problem)
    {
        Make(make);
        File.WriteAllText(Config, $"otlp:\n  endpoint: https://h\n  certificate: {Bad}\n");
        Check().ShouldBe($"netlens: {Config}:3: key 'otlp.certificate': {Bad}: {problem}\n");

        File.WriteAllText(Config, "otlp: {endpoint: https://h}\n");
        Check($"OTEL_EXPORTER_OTLP_CERTIFICATE={Bad}")
            .ShouldBe($"netlens: OTEL_EXPORTER_OTLP_CERTIFICATE: {Bad}: {problem}\n");
    }

    [Theory]
    [InlineData("clientCertificate")]
    [InlineData("clientKey")]
    public void A_client_certificate_and_its_key(string key)
    {
        Make("mkfifo $F");
        var certificate = key == "clientKey" ? $"clientCertificate: {Bad}" : "";
        File.WriteAllText(Config, $"otlp:\n  endpoint: https://h\n  {certificate}\n  {key}: {Bad}\n");
        Check().ShouldBe($"netlens: {Config}:4: key 'otlp.{key}': {Bad}: is a pipe that nobody writes to\n");
    }

    [Theory]
    [InlineData("mkfifo $F", "is a pipe that nobody writes to")]
    [InlineData("ln -s /dev/zero $F", "is larger than 1048576 bytes")]
    [InlineData("mkdir $F", "is a directory, not a file")]
    [InlineData("truncate -s 20G $F", "is larger than 1048576 bytes")]
    public void The_configuration_itself(string make, string problem)
    {
        Make(make);
        Check(config: Bad).ShouldBe($"netlens: {Bad}: {problem}\n");
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_INSECURE=maybe", "'maybe' is taken as false; allowed: true, false")]
    [InlineData("OTEL_SDK_DISABLED=yes", "'yes' is taken as false; allowed: true, false")]
    public void A_flag_that_is_neither_is_told(string variable, string message)
    {
        File.WriteAllText(Config, "");
        Check(variable, code: 0).ShouldBe($"netlens: {variable.Split('=')[0]}: {message}\n");
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS=authorization=a,b", "a comma within a value is written %2C")]
    [InlineData("OTEL_METRIC_EXPORT_INTERVAL=soon", "whole milliseconds")]
    [InlineData("OTEL_EXPORTER_OTLP_COMPRESSION=lz4", "allowed: gzip, none")]
    [InlineData("OTEL_METRICS_EXPORTER=prometheus", "allowed: otlp, none")]
    public void A_variable_that_is_refused_says_what_is_allowed(string variable, string message)
    {
        File.WriteAllText(Config, "");
        Check(variable).ShouldContain(message);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENPOINT=http://c", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    [InlineData("NETLENS_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    public void One_that_nobody_reads_is_told_with_the_one_that_was_meant(string variable, string meant)
    {
        File.WriteAllText(Config, "");
        Check(variable, code: 0).ShouldBe(
            $"netlens: environment variable {variable.Split('=')[0]} is not read, did you mean '{meant}'?\n");
    }

    [Theory]
    [InlineData("htp://user:s3cret@host")]
    [InlineData("http://user:s3cret@host")]
    [InlineData("http://arms.example/s3cret@1/api/otlp")]
    public void No_secret_of_an_endpoint_is_shown(string endpoint)
    {
        File.WriteAllText(Config, $"otlp: {{endpoint: '{endpoint}'}}\n");
        var (_, output, error) = AgentProcess.Run("config", "print", "--config", Config);
        (output + error).ShouldNotContain("s3cret");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void Make(string command) => Shell.Run("sh", "-c", command.Replace("$F", Bad));

    private string Check(string variable = "A=b", string? config = null, int code = 3)
    {
        var clock = Stopwatch.StartNew();
        var result = Shell.Try("env", variable, AgentProcess.Program, "config", "check", "--config", config ?? Config);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
        result.Code.ShouldBe(code, result.Error);
        return result.Error;
    }
}
