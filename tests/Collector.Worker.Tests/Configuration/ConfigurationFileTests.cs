using Collector.Worker.Configuration;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

/// <summary>The file as the operating system gives it.</summary>
public sealed class ConfigurationFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-config-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_is_read()
    {
        var result = Load(Write("collection: {interval: 7s}"u8), true);
        result.Options.ShouldNotBeNull().Collection.Interval.ShouldBe(TimeSpan.FromSeconds(7));
    }

    [Fact]
    public void No_path_gives_defaults_and_environment() =>
        ConfigurationLoader.Load(null, false, Env(("NETLENS_COLLECTION_INTERVAL", "3s")), Catalogue)
            .Options.ShouldNotBeNull().Collection.Interval.ShouldBe(TimeSpan.FromSeconds(3));

    [Theory]
    [InlineData("missing.yaml")]
    [InlineData("missing/missing.yaml")]
    public void A_missing_file_is_an_error_only_when_it_was_named(string name)
    {
        var path = Path.Combine(_folder.FullName, name);
        Load(path, false).Errors.ShouldBeEmpty();
        Errors(path).ShouldBe([$"{path}: there is no such file"]);
    }

    [Fact]
    public void A_missing_file_does_not_hide_errors_of_the_environment()
    {
        var path = Path.Combine(_folder.FullName, "missing.yaml");
        var env = Env(("NETLENS_HTTP_ENABLED", "maybe"));
        ConfigurationLoader.Load(path, true, env, Catalogue).Errors.Count.ShouldBe(2);
    }

    [Fact]
    public void A_directory_is_refused_even_as_the_default_file()
    {
        Errors(_folder.FullName).ShouldBe([$"{_folder.FullName}: is a directory, not a file"]);
        Load(_folder.FullName, false).Errors.Count.ShouldBe(1);
    }

    [Fact]
    public void A_file_that_may_not_be_read_is_refused()
    {
        // Write-only in the kernel itself (net/ipv4/route.c), so that even root is told EACCES.
        const string writeOnly = "/proc/sys/net/ipv4/route/flush";
        Errors(writeOnly).ShouldBe([$"{writeOnly}: may not be read: permission denied"]);
    }

    [Fact]
    public void A_file_that_fails_while_it_is_read_is_refused() =>
        Errors("/proc/self/mem").Single().ShouldStartWith("/proc/self/mem: cannot be read: ");

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void A_path_that_is_none_is_refused(string path) => Errors(path).Single().ShouldContain("cannot be read: ");

    [Fact]
    public void A_path_with_line_breaks_stays_in_its_line() =>
        Errors(Path.Combine(_folder.FullName, "a\nb")).Single().ShouldNotContain('\n');

    [Fact]
    public void Size_is_bounded_at_one_mebibyte()
    {
        var content = new byte[(1 << 20) + 1];
        content.AsSpan().Fill((byte)'#');
        Load(Write(content.AsSpan(1)), true).Errors.ShouldBeEmpty();
        var path = Write(content);
        Errors(path).ShouldBe([$"{path}: is larger than 1048576 bytes"]);
        Errors("/dev/zero").ShouldBe(["/dev/zero: is larger than 1048576 bytes"]);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a', (byte)'\n', (byte)'b', 0xc3, 0x28 }, ":2:2: is not UTF-8 text")]
    [InlineData(new byte[] { 0xff, 0xfe, (byte)'a', 0 }, ":1:1: is not UTF-8 text")]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 }, ":1:1: is not UTF-8 text")]
    [InlineData(new byte[] { (byte)'a', 0 }, ":1:2: holds the control character U+0000")]
    [InlineData(new byte[] { (byte)'a', (byte)':', (byte)'\n', 0x1b }, ":2:1: holds the control character U+001B")]
    public void Bytes_that_are_no_text_are_refused(byte[] content, string message)
    {
        var path = Write(content);
        Errors(path).ShouldBe([path + message]);
    }

    private static ConfigurationResult Load(string path, bool explicitPath) =>
        ConfigurationLoader.Load(path, explicitPath, Env(), Catalogue);

    private static IEnumerable<string> Errors(string path)
    {
        var result = Load(path, true);
        result.Options.ShouldBeNull();
        return result.Errors.Select(e => e.ToString());
    }

    private string Write(ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(_folder.FullName, Path.GetRandomFileName());
        File.WriteAllBytes(path, content);
        return path;
    }
}
