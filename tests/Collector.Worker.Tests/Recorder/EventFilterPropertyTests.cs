using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Series;
using Collector.Worker.Recorder;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Tests.Recorder;

/// <summary>The filter looks at the event; whoever reads its lines sees attributes. Both must say the same.</summary>
public sealed class EventFilterPropertyTests
{
    private static readonly EventInfo[] Kinds =
    [
        EventQueryParserTests.Kind("netlens.loss.drop", EventSeverity.Warn),
        EventQueryParserTests.Kind("netlens.loss.refused", EventSeverity.Info),
        EventQueryParserTests.Kind("netlens.reset.sent", EventSeverity.Error),
    ];

    private static readonly string[] Addresses =
    [
        "10.0.0.1", "10.0.1.1", "10.128.0.1", "::ffff:10.0.0.1", "192.168.0.1", "2001:db8::1", "2001:db8:1::1",
        "fe80::1", "::1",
    ];

    private static readonly string[] Ranges =
    [
        .. Addresses.Where(a => !a.StartsWith("::f")), "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/23", "0.0.0.0/0",
        "192.168.0.0/31", "2001:db8::/32", "2001:db8::/47", "2001:db8::/48", "::/0", "fe80::/10",
    ];

    private static readonly string[] Names = ["a", "b", "web-0"];
    private static readonly string[] Netns = ["1001", "1002", "blue", "red"];
    private static readonly string[] Ports = ["1", "80", "443"];

    [Fact]
    public void A_filter_says_what_the_attributes_say() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var random = new Random(seed);
        var query = Query(random);
        new EventQueryParser(Kinds, TimeProvider.System)
            .TryParse(
                query.Select(p => new KeyValuePair<string, StringValues>(p.Key, p.Value)), out var parsed,
                out var problem)
            .ShouldBeTrue(problem);
        for (var i = 0; i < 20; i++)
        {
            var e = Event(random);
            parsed.Filter.Matches(e).ShouldBe(
                query.All(p => p.Value.Any(v => Holds(p.Key, v, e))),
                string.Join('&', query.Select(p => $"{p.Key}={string.Join(',', p.Value)}")) + $" {e}");
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    private static Dictionary<string, string[]> Query(Random random)
    {
        var all = new (string Name, string[] Values)[]
        {
            ("kind", ["loss", "loss.drop", "netlens.loss.refused", "reset."]),
            ("probe", ["loss", "reset"]),
            ("pod", [.. Names, .. Names.SelectMany(n => Names.Select(m => $"{n}/{m}"))]),
            ("namespace", Names),
            ("netns", Netns),
            ("address", Ranges),
            ("port", Ports),
            ("severity", ["info", "warn", "error"]),
        };
        var query = new Dictionary<string, string[]>();
        foreach (var (name, values) in all.Where(_ => random.Next(3) == 0))
            query.Add(name, [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Of(random, values))]);
        return query;
    }

    private static NetworkEvent Event(Random random) => new()
    {
        Info = Kinds[random.Next(Kinds.Length)],
        Time = 1,
        ObservedTime = 1,
        Message = "",
        Subject = random.Next(4) == 0 ? null : Subject(random),
        Tuple = random.Next(4) == 0 ? null : new(
            "tcp", IPAddress.Parse(Of(random, Addresses)), Port(random),
            IPAddress.Parse(Of(random, Addresses)), Port(random))
        {
            SourcePod = Pod(random),
            DestinationPod = Pod(random),
        },
    };

    private static NetNamespace Subject(Random random) => new(
        (ulong)random.Next(1001, 1003), 1, random.Next(2) == 0, 0, new(
            random.Next(2) == 0 ? null : Of(random, ["blue", "red", "green"]),
            random.Next(2) == 0 ? null : Of(random, Names),
            random.Next(2) == 0 ? null : Of(random, Names)));

    private static string? Pod(Random random) =>
        random.Next(2) == 0 ? null : $"{Of(random, Names)}/{Of(random, Names)}";

    private static int Port(Random random) =>
        random.Next(3) == 0 ? 0 : int.Parse(Of(random, Ports), CultureInfo.InvariantCulture);

    private static string Of(Random random, string[] values) => values[random.Next(values.Length)];

    private static bool Holds(string parameter, string value, NetworkEvent e)
    {
        var list = new List<KeyValuePair<string, object?>>();
        EventAttributes.Add(e, list);
        var attributes = list.ToDictionary(p => p.Key, p => p.Value?.ToString());
        string? Get(string key) => attributes.GetValueOrDefault(key);
        string?[] both = [Get("source.address"), Get("destination.address")];
        string?[] ends = [Get("netlens.source.pod"), Get("netlens.destination.pod")];
        var own = Get("k8s.pod.name") is { } name ? $"{Get("k8s.namespace.name")}/{name}" : null;
        string?[] pods = [own, .. ends];
        return parameter switch
        {
            "kind" or "probe" => e.Info.Name == "netlens." + value.Replace("netlens.", "")
                || e.Info.Name.StartsWith("netlens." + value.TrimEnd('.') + '.', StringComparison.Ordinal),
            "pod" => pods.Any(p => p == value || (!value.Contains('/') && p?.Split('/')[1] == value)),
            "namespace" => pods.Any(p => p?.Split('/')[0] == value),
            "netns" => Get("netlens.netns") == value || Get("netlens.netns.name") == value,
            "address" => both.Any(a => a is not null && (value.Contains('/')
                ? IPNetwork.Parse(value).Contains(IPAddress.Parse(a))
                : IPAddress.Parse(value).Equals(IPAddress.Parse(a)))),
            "port" => Get("source.port") == value || Get("destination.port") == value,
            "severity" => e.Info.Severity >= Enum.Parse<EventSeverity>(value, ignoreCase: true),
            _ => false,
        };
    }
}
