using System.Globalization;
using System.Net;
using Collector.Core.Probes;
using Collector.Worker.Configuration;

namespace Collector.Worker.Tests.Configuration;

public class ValueTests
{
    [Theory]
    [InlineData("0s", "00:00:00", "0s")]
    [InlineData("500ms", "00:00:00.5", "500ms")]
    [InlineData("1000ms", "00:00:01", "1s")]
    [InlineData("90s", "00:01:30", "90s")]
    [InlineData("60m", "01:00:00", "1h")]
    [InlineData("25h", "1.01:00:00", "25h")]
    public void Durations_read_and_print(string text, string expected, string printed)
    {
        DurationText.TryParse(text, out var value, out _).ShouldBeTrue();
        value.ShouldBe(TimeSpan.Parse(expected, CultureInfo.InvariantCulture));
        DurationText.Format(value).ShouldBe(printed);
    }

    [Theory]
    [InlineData("", "is not a duration")]
    [InlineData("s", "is not a duration")]
    [InlineData("15", "has no unit")]
    [InlineData("15 s", "is not a duration")]
    [InlineData("15S", "is not a duration")]
    [InlineData("1m30s", "is not a duration")]
    [InlineData("٣s", "is not a duration")]
    [InlineData("9223372036854775807h", "is out of range")]
    [InlineData("256204779h", "is out of range")]
    public void Other_durations_are_refused(string text, string problem)
    {
        DurationText.TryParse(text, out _, out var found).ShouldBeFalse();
        found.ShouldBe(problem);
    }

    [Theory]
    [InlineData("127.0.0.1:9102", "127.0.0.1", 9102)]
    [InlineData("127.0.0.1:0", "127.0.0.1", 0)]
    [InlineData("[::1]:65535", "::1", 65535)]
    [InlineData("[::]:80", "::", 80)]
    public void Addresses_are_read(string text, string address, int port)
    {
        ListenAddress.TryParse(text, out var found, out _).ShouldBeTrue();
        found!.EndPoint.ShouldBe(new IPEndPoint(IPAddress.Parse(address), port));
    }

    [Theory]
    [InlineData("[fe80::1%no-such]:1", "names the interface no-such, which this machine has not")]
    [InlineData("[fe80::1]:1", "needs its interface, as in [fe80::1%eth0]:9102")]
    public void An_address_of_a_link_needs_its_interface(string text, string problem)
    {
        ListenAddress.TryParse(text, out _, out var found).ShouldBeFalse();
        found.ShouldBe(problem);
    }

    [Fact]
    public void An_address_of_a_link_keeps_its_interface()
    {
        ListenAddress.TryParse("[fe80::1%lo]:1", out var found, out _).ShouldBeTrue();
        found!.EndPoint!.Address.ScopeId.ShouldBe(1);
        found.ToString().ShouldBe("[fe80::1%lo]:1");
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("1:1")]
    [InlineData("0x7f.1:1")]
    [InlineData("::1:80")]
    [InlineData("[::1]")]
    [InlineData("[127.0.0.1]:1")]
    [InlineData("[]:1")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:+1")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:1 ")]
    [InlineData("*:1")]
    public void Other_addresses_are_refused(string text)
    {
        ListenAddress.TryParse(text, out var found, out var problem).ShouldBeFalse();
        found.ShouldBeNull();
        problem.ShouldNotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("tcp", "tcp", 0)]
    [InlineData("", "tcp", 3)]
    [InlineData("tpc", "tcp", 1)]
    [InlineData("ca", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void Distances_are_those_of_the_literature(string a, string b, int distance)
    {
        Suggestion.Distance(a, b).ShouldBe(distance);
        Suggestion.Distance(b, a).ShouldBe(distance);
    }

    [Theory]
    [InlineData("slob", "slab")]
    [InlineData("SLAB", "slab")]
    [InlineData("xyz", null)]
    [InlineData("", null)]
    public void Only_near_words_are_suggested(string word, string? expected) =>
        Suggestion.Nearest(word, ["tcp", "slab"]).ShouldBe(expected);
}
