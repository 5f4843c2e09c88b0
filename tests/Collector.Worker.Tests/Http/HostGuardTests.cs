using Collector.Worker.Http;
using Microsoft.AspNetCore.Http;

namespace Collector.Worker.Tests.Http;

public sealed class HostGuardTests
{
    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST:9102", true)]
    [InlineData("localhost.:9102", true)]
    [InlineData("127.0.0.1:9102", true)]
    [InlineData("127.8.9.1", true)]
    [InlineData("[::1]:9102", true)]
    [InlineData("[::1]", true)]
    [InlineData("", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example:9102", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("10.0.0.1:9102", false)]
    [InlineData("[fe80::1]:9102", false)]
    [InlineData("0.0.0.0", false)]
    public void Only_names_of_this_machine_pass(string host, bool expected) =>
        HostGuard.IsLocal(new HostString(host)).ShouldBe(expected);
}
