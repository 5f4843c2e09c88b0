using Collector.Worker.Watch;

namespace Collector.Worker.Tests.Watch;

/// <summary>How an agent is named.</summary>
public sealed class PeerAddressTests
{
    [Theory]
    [InlineData("node-1", "node-1:9102", "http://node-1:9102/")]
    [InlineData("node-1:80", "node-1:80", "http://node-1/")]
    [InlineData("10.0.0.9", "10.0.0.9:9102", "http://10.0.0.9:9102/")]
    [InlineData("fe80::1", "[fe80::1]:9102", "http://[fe80::1]:9102/")]
    [InlineData("[::1]", "[::1]:9102", "http://[::1]:9102/")]
    [InlineData("[::1]:7", "[::1]:7", "http://[::1]:7/")]
    [InlineData("https://node-1", "https://node-1:9102", "https://node-1:9102/")]
    [InlineData("HTTPS://node-1:443/", "https://node-1:443", "https://node-1/")]
    [InlineData("http://localhost:1", "localhost:1", "http://localhost:1/")]
    public void Hosts_have_a_port(string text, string name, string url)
    {
        PeerAddress.TryParse(text, 9102, out var address).ShouldBeTrue();
        address.Name.ShouldBe(name);
        address.Url.ToString().ShouldBe(url);
        address.SocketPath.ShouldBeNull();
    }

    [Fact]
    public void A_socket_is_a_path()
    {
        PeerAddress.TryParse("unix:/run/netlens/netlens.sock", 9102, out var address).ShouldBeTrue();
        address.SocketPath.ShouldBe("/run/netlens/netlens.sock");
        address.IsPrivate.ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData(":9102")]
    [InlineData("node-1:")]
    [InlineData("node-1:0")]
    [InlineData("node-1:70000")]
    [InlineData("node-1:port")]
    [InlineData("node 1")]
    [InlineData("ftp://node-1")]
    [InlineData("http://user:secret@node-1")]
    [InlineData("http://node-1/events")]
    [InlineData("node-1?x=1")]
    [InlineData("unix:run")]
    [InlineData("unix:")]
    public void Anything_else_is_none(string text) => PeerAddress.TryParse(text, 9102, out _).ShouldBeFalse();

    [Theory]
    [InlineData("node-1", false)]
    [InlineData("https://node-1", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    public void A_token_is_hidden_from_others_or_not(string text, bool hidden)
    {
        PeerAddress.TryParse(text, 9102, out var address).ShouldBeTrue();
        address.IsPrivate.ShouldBe(hidden);
    }
}
