using Collector.Worker.Commands;
using Collector.Worker.Findings;
using Microsoft.AspNetCore.WebUtilities;

namespace Collector.Worker.Tests.Commands;

public sealed class LedgerQueryTests
{
    /// <summary>Names of namespaces are whatever a file can be called.</summary>
    [Theory]
    [InlineData(null, "", null, "findings?ledger=node")]
    [InlineData("shop/web-0", "blue", "10m", "findings?ledger=shop%2Fweb-0&since=10m")]
    [InlineData(null, "a&since=1s#", "90s", "findings?ledger=a%26since%3D1s%23&since=90s")]
    public void What_a_command_asks_for_is_what_the_agent_reads(string? pod, string netns, string? since, string path)
    {
        var query = new WhyRequest(pod, netns.Length > 0 ? [netns] : [],
            since is null ? null : Core.Probes.DurationText.Parse(since), false).Ledger;
        query.Path.ShouldBe(path);
        var parameters = QueryHelpers.ParseQuery(path[path.IndexOf('?')..]);
        LedgerQuery.TryParse(parameters, out var read, out var problem).ShouldBeTrue(problem);
        read.Whose.ShouldBe(query.Whose);
        read.Since.ShouldBe(query.Since);
    }

    [Fact]
    public void Nobody_is_asked_for_where_nobody_is_named()
    {
        LedgerQuery.TryParse([], out var query, out _).ShouldBeTrue();
        query.Whose.ShouldBeEmpty();
    }
}
