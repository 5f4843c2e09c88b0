using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Recorder;
using Collector.Worker.Tests.Export.Prometheus;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.AspNetCore.WebUtilities;

namespace Collector.Worker.Tests.Recorder;

public sealed class EventQueryParserTests
{
    private static readonly ManualTime Time = new(PrometheusSnapshotFixture.Start);

    private static readonly long Now = (PrometheusSnapshotFixture.Start - DateTimeOffset.UnixEpoch).Ticks * 100;

    private static readonly EventInfo Drop = Kind("netlens.packetloss.drop", EventSeverity.Warn);
    private static readonly EventInfo Refused = Kind("netlens.packetloss.refused", EventSeverity.Info);
    private static readonly EventInfo Reset = Kind("netlens.tcpreset.sent", EventSeverity.Error);

    private static readonly NetworkEvent Event = new()
    {
        Info = Drop,
        Time = Now,
        ObservedTime = Now,
        Message = "",
        Subject = new NetNamespace(4026532001, 2, false, 0, new("blue", "shop", "web-0", "uid")),
        Tuple = new("tcp", IPAddress.Parse("10.1.2.3"), 4711, IPAddress.Parse("2001:db8::5"), 80)
        {
            SourcePod = "shop/client-0", DestinationPod = "kube-system/coredns-0",
        },
    };

    [Theory]
    [InlineData("", true)]
    [InlineData("kind=netlens.packetloss.drop", true)]
    [InlineData("kind=packetloss.drop", true)]
    [InlineData("kind=packetloss", true)]
    [InlineData("kind=packetloss.", true)]
    [InlineData("kind=netlens.packetloss", true)]
    [InlineData("kind=packetloss.refused", false)]
    [InlineData("kind=tcpreset,packetloss.drop", true)]
    [InlineData("kind=tcpreset&kind=packetloss.drop", true)]
    [InlineData("probe=packetloss", true)]
    [InlineData("probe=tcpreset", false)]
    [InlineData("probe=packetloss&kind=packetloss.refused", false)]
    [InlineData("probe=tcpreset&kind=packetloss", false)]
    [InlineData("pod=web-0", true)]
    [InlineData("pod=shop/web-0", true)]
    [InlineData("pod=other/web-0", false)]
    [InlineData("pod=client-0", true)]
    [InlineData("pod=kube-system/coredns-0", true)]
    [InlineData("pod=shop/coredns-0", false)]
    [InlineData("pod=web", false)]
    [InlineData("pod=nobody,web-0", true)]
    [InlineData("namespace=shop", true)]
    [InlineData("namespace=kube-system", true)]
    [InlineData("namespace=kube", false)]
    [InlineData("namespace=web-0", false)]
    [InlineData("netns=4026532001", true)]
    [InlineData("netns=4026532002", false)]
    [InlineData("netns=blue", true)]
    [InlineData("netns=red", false)]
    [InlineData("address=10.1.2.3", true)]
    [InlineData("address=10.1.2.4", false)]
    [InlineData("address=10.0.0.0/8", true)]
    [InlineData("address=10.1.2.99/24", true)]
    [InlineData("address=10.1.3.0/24", false)]
    [InlineData("address=0.0.0.0/0", true)]
    [InlineData("address=::ffff:10.1.2.3", true)]
    [InlineData("address=::ffff:10.1.0.0/112", true)]
    [InlineData("address=2001:DB8:0::5", true)]
    [InlineData("address=2001:db8::/32", true)]
    [InlineData("address=2001:db9::/32", false)]
    [InlineData("address=::/0", true)]
    [InlineData("address=192.168.0.0/16,2001:db8::5/128", true)]
    [InlineData("port=80", true)]
    [InlineData("port=4711", true)]
    [InlineData("port=81", false)]
    [InlineData("port=81,80", true)]
    [InlineData("severity=info", true)]
    [InlineData("severity=WARN", true)]
    [InlineData("severity=error", false)]
    [InlineData("severity=error,warn", true)]
    [InlineData("pod=web-0&port=80&address=10.0.0.0/8&severity=warn", true)]
    [InlineData("pod=web-0&port=81", false)]
    [InlineData("since=1s", true)]
    [InlineData("since=2026-01-01T00:00:00Z", true)]
    [InlineData("since=2026-01-01T00:00:00.000000001Z", false)]
    [InlineData("since=2025-12-31T23:59:59.999999999Z", true)]
    [InlineData("since=2026-01-01T01:00:00%2B01:00", true)]
    [InlineData("since=2026-01-01T01:00:00+01:00", true)]
    [InlineData("since=2025-12-31T20:00:00.5-04:00", false)]
    public void A_filter_is_held_against_the_event(string query, bool matches) =>
        Parse(query).Filter.Matches(Event).ShouldBe(matches, query);

    [Theory]
    [InlineData("pod=web-0")]
    [InlineData("namespace=shop")]
    [InlineData("netns=blue")]
    [InlineData("netns=1")]
    [InlineData("address=::/0,0.0.0.0/0")]
    [InlineData("port=1")]
    public void What_an_event_does_not_say_does_not_match(string query) =>
        Parse(query).Filter.Matches(Event with { Subject = null, Tuple = null }).ShouldBeFalse();

    [Fact]
    public void All_of_IPv6_is_none_of_IPv4() => Parse("address=::/0").Filter
        .Matches(Event with { Tuple = Event.Tuple! with { Destination = IPAddress.Parse("::ffff:10.0.0.1") } })
        .ShouldBeFalse();

    [Theory]
    [InlineData("", null)]
    [InlineData("since=0", 0)]
    [InlineData("since=17", 17)]
    [InlineData("since=10m", 0)]
    [InlineData("since=2026-01-01T00:00:00Z", 0)]
    public void Where_it_begins(string query, int? after) => Parse(query).After.ShouldBe((ulong?)after);

    [Fact]
    public void The_other_parameters()
    {
        var query = Parse("limit=5&follow=false&format=sse");
        (query.Limit, query.Follow, query.Format).ShouldBe((5, false, EventFormat.Sse));
        query = Parse("format=ndjson&follow=true");
        (query.Limit, query.Follow, query.Format).ShouldBe((long.MaxValue, true, EventFormat.Ndjson));
        Parse("").Format.ShouldBeNull();
    }

    [Theory]
    [InlineData("kind=", "kind must be one of packetloss.drop, packetloss.refused, tcpreset.sent, or of the probes "
        + "packetloss, tcpreset; '' is not")]
    [InlineData("kind=packetloss,netlens.", "kind must be one of packetloss.drop, packetloss.refused, tcpreset.sent, "
        + "or of the probes packetloss, tcpreset; 'netlens.' is not")]
    [InlineData("kind=packet", null)]
    [InlineData("probe=packetloss.drop", "probe must be one of packetloss, tcpreset; 'packetloss.drop' is not")]
    [InlineData("pod=a/b/c", "pod must be the name of a pod, or namespace/name; 'a/b/c' is not")]
    [InlineData("pod=/b", null)]
    [InlineData("pod=a,", null)]
    [InlineData("namespace=a/b", "namespace must be the name of a Kubernetes namespace; 'a/b' is not")]
    [InlineData("netns=", "netns must be the inode of a network namespace, or its name; '' is not")]
    [InlineData("netns=0", null)]
    [InlineData("address=10.0.0",
        "address must be an IPv4 or IPv6 address, or a prefix such as 10.0.0.0/8; '10.0.0' is not")]
    [InlineData("address=10.0.0.0/33", null)]
    [InlineData("address=10.0.0.0/", null)]
    [InlineData("address=10.0.0.0/-1", null)]
    [InlineData("address=::/129", null)]
    [InlineData("address=::ffff:0.0.0.0/95", null)]
    [InlineData("address=fe80::1%25eth0", null)]
    [InlineData("address=[::1]", null)]
    [InlineData("address=localhost", null)]
    [InlineData("address=", null)]
    [InlineData("port=0", "port must be a number from 1 to 65535; '0' is not")]
    [InlineData("port=65536", null)]
    [InlineData("port=http", null)]
    [InlineData("port=-1", null)]
    [InlineData("severity=fatal", "severity must be one of info, warn, error; 'fatal' is not")]
    [InlineData("severity=9", null)]
    [InlineData("since=yesterday", "since must be a duration such as 10m, an RFC 3339 time such as "
        + "2026-03-04T12:00:00Z, or the seq of an event; 'yesterday' is not")]
    [InlineData("since=-1", null)]
    [InlineData("since=18446744073709551616", null)]
    [InlineData("since=2026-01-01", null)]
    [InlineData("since=2026-01-01T00:00:00", null)]
    [InlineData("since=2026-01-01T00:00:00.Z", null)]
    [InlineData("since=2026-01-01T00:00:00.1234567890Z", null)]
    [InlineData("since=9999-01-01T00:00:00Z", null)]
    [InlineData("since=1,2", "since must be given once: a duration such as 10m, an RFC 3339 time such as "
        + "2026-03-04T12:00:00Z, or the seq of an event")]
    [InlineData("since=1&since=2", null)]
    [InlineData("limit=0", "limit must be a whole number from 1; '0' is not")]
    [InlineData("limit=1.5", null)]
    [InlineData("follow=0", "follow must be true or false; '0' is not")]
    [InlineData("format=json", "format must be one of ndjson, sse; 'json' is not")]
    [InlineData("port=1&x%0Ay=%01", null)]
    public void What_is_none_is_refused_in_one_line(string text, string? expected)
    {
        Parser().TryParse(QueryHelpers.ParseQuery(text), out _, out var problem).ShouldBeFalse(text);
        problem.ShouldAllBe(c => !char.IsControl(c));
        problem.ShouldNotBeEmpty();
        if (expected is not null)
            problem.ShouldBe(expected);
    }

    [Fact]
    public void Any_query_is_read_or_refused() => Prop.ForAll(
        ArbMap.Default.ArbFor<string>(), text =>
        {
            foreach (var name in (string[])["kind", "pod", "namespace", "netns", "address", "port", "since", "limit"])
            {
                var parsed = Parser().TryParse([new(name, text ?? "")], out var query, out var problem);
                parsed.ShouldBe(problem.Length == 0);
                query.Filter.Matches(Event);
                problem.ShouldAllBe(c => !char.IsControl(c));
            }
        }).QuickCheckThrowOnFailure();

    internal static EventInfo Kind(string name, EventSeverity severity) =>
        new() { Name = name, Severity = severity, Description = "." };

    private static EventQueryParser Parser() => new([Drop, Refused, Reset], Time);

    private static EventQuery Parse(string text)
    {
        Parser().TryParse(QueryHelpers.ParseQuery(text), out var query, out var problem).ShouldBeTrue(problem);
        return query;
    }
}
