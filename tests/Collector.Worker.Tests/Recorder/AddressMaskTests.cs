using System.Net;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Tests.Recorder;

public sealed class AddressMaskTests
{
    private readonly AddressMask _mask = new();

    [Theory]
    [InlineData("nothing here: 12:30:45, 1.2.3, face, std::vector, ::, v5.10")]
    [InlineData("127.0.0.1:9102 and [::1]:80, 0.0.0.0, 255.255.255.255, 224.0.0.22, ff02::1, 00:00:00:00:00:00")]
    [InlineData("2026-11-30T04:05:06Z")]
    [InlineData("")]
    public void What_says_nothing_of_anybody_stays(string text) => _mask.Text(text).ShouldBe(text);

    [Theory]
    [InlineData("10.0.0.1", "192.0.2.1")]
    [InlineData("tcp 10.0.0.1:4711 > 10.0.0.2:80", "tcp 192.0.2.1:4711 > 192.0.2.2:80")]
    [InlineData("10.0.0.0/8 via 10.0.0.1.", "192.0.2.1/8 via 192.0.2.2.")]
    [InlineData("node10.0.0.1", "node192.0.2.1")]
    [InlineData("[fe80::1%eth0]:80", "[2001:db8::1%eth0]:80")]
    [InlineData("2001:db7:: is a network; 2001:db7::1.", "2001:db8::1 is a network; 2001:db8::2.")]
    [InlineData("::ffff:10.0.0.1", "::ffff:192.0.2.1")]
    [InlineData("next hop fe80::42: silent", "next hop 2001:db8::1: silent")]
    [InlineData("02:42:AC:11:00:02 is at 02:42:ac:11:00:03", "00:00:5e:00:53:00 is at 00:00:5e:00:53:01")]
    [InlineData("\"http://10.1.1.1:4317/\"", "\"http://192.0.2.1:4317/\"")]
    [InlineData("tcp:10.0.0.1:80", "tcp:192.0.2.1:80")]
    [InlineData("peer:10.0.0.1", "peer:192.0.2.1")]
    [InlineData("dead:10.0.0.1", "dead:192.0.2.1")]
    [InlineData("10.0.0.1.example.com", "192.0.2.1.example.com")]
    [InlineData("ip-10.0.0.1.80 a.10.0.0.2", "ip-192.0.2.1.80 a.192.0.2.2")]
    [InlineData("10.0.0.1:80:10.0.0.2:90", "192.0.2.1:80:192.0.2.2:90")]
    [InlineData("::ffff:10.0.0.1:80", "::ffff:192.0.2.1:80")]
    [InlineData("addr:2001:db7::1", "addr:2001:db8::1")]
    [InlineData("2001:db7:0:0:0:0:0:1:443", "2001:db8::1:443")]
    [InlineData("10:20:30:40:50:60:7001:8002", "2001:db8::1")]
    [InlineData("lladdr:02:42:ac:11:00:02: 7", "lladdr:00:00:5e:00:53:00: 7")]
    [InlineData("80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:5a:c1:b1 up",
        "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:5e:00:53:00 up")]
    [InlineData("010.000.000.009 10.0.0.9 1000.0.0.1 10.0.0.1000", "192.0.2.1 192.0.2.1 1000.0.0.1 10.0.0.1000")]
    public void Addresses_in_texts_become_others(string text, string masked) => _mask.Text(text).ShouldBe(masked);

    [Fact]
    public void The_same_address_is_the_same_everywhere()
    {
        var other = _mask.Address(IPAddress.Parse("10.0.0.1"));
        _mask.Text("10.0.0.2 10.0.0.1").ShouldEndWith($" {other}");
        _mask.Address(IPAddress.Parse("::ffff:10.0.0.1")).ShouldBe(other.MapToIPv6());
        _mask.Address(IPAddress.Parse("fe80::1%3")).ShouldBe(_mask.Address(IPAddress.Parse("fe80::1")));
    }

    [Fact]
    public void Two_hundred_thousand_are_different_and_nobodys()
    {
        var all = Enumerable.Range(0, 200_000)
            .Select(i => _mask.Address(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]))).ToHashSet();
        all.Count.ShouldBe(200_000);
        all.Where(a => !IsNobodys(a.GetAddressBytes())).ShouldBeEmpty();

        static bool IsNobodys(byte[] a) =>
            (a[0], a[1], a[2]) is (192, 0, 2) or (198, 51, 100) or (203, 0, 113) || (a[0], a[1]) is (198, 18) or (198, 19)
            || a[0] >= 240;
    }
}
