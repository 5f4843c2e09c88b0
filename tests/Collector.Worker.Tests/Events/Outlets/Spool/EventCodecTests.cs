using System.Net;
using System.Reflection;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Events.Outlets.Spool;

/// <summary>An event that went to the disk and came back is the one that it was.</summary>
public sealed class EventCodecTests
{
    private static readonly NetworkEvent Whole = EventSamples.Full() with
    {
        Severity = EventSeverity.Error,
        Rootless = true,
        Trace = new(1, ulong.MaxValue - 1, 0x8000_0000_0000_0001),
        Start = EventSamples.Time - 70,
        Stations = [new("first", EventSamples.Time - 70, EventSamples.Time - 30), new("second", 1, 2)],
        Process = new(17, 18, "nginx") { Cgroup = ulong.MaxValue - 3, Pod = "shop/web-0" },
        Tuple = new("tcp", IPAddress.Parse("192.0.2.1"), 40000, IPAddress.Parse("2001:db8::2"), 443)
        {
            SourcePod = "shop/web-0", DestinationPod = "shop/db-0",
        },
        Subject = new(SubjectKind.Container, 4026532001, 7, -5, new("blue", "shop", "web-0", "uid-1")
        {
            ContainerId = "cid", ContainerName = "web", Unit = "a.service", IsSecondary = true,
            PodLabels = [new("app", "web"), new("tier", "front")],
        })
        {
            Cookie = 99, HostNetwork = true,
        },
    };

    [Fact]
    public void Everything_that_an_event_holds_comes_back()
    {
        var read = Read(Whole);

        Describe(read).ShouldBe(Describe(Whole));
        Line(read).ShouldBe(Line(Whole));
        // A property that the sample leaves at its default would prove nothing.
        // Exemplars leave with what is in memory: not from disk.
        var kept = typeof(NetworkEvent).GetProperties()
            .Where(p => p.Name is not (nameof(NetworkEvent.Info) or nameof(NetworkEvent.Measured)));
        foreach (var property in kept)
            Text(property.GetValue(Whole)).ShouldNotBe(Text(property.GetValue(EventSamples.Plain(-5))), property.Name);
    }

    [Fact]
    public void Little_comes_back_as_little()
    {
        var plain = EventSamples.Plain(1);
        Line(Read(plain)).ShouldBe(Line(plain));
        Read(plain).Subject.ShouldBeNull();
        Read(plain).Tuple.ShouldBeNull();
    }

    [Fact]
    public void A_field_of_a_later_version_is_passed_over()
    {
        var buffer = new ProtoBuffer();
        buffer.Text(1000, "later");
        EventCodec.Write(Whole, buffer);
        buffer.Integer(1001, 5);
        Line(EventCodec.Read(buffer.Written)!).ShouldBe(Line(Whole));
    }

    [Fact]
    public void Broken_bytes_are_an_event_or_none_and_never_more()
    {
        var whole = Bytes(Whole);
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = whole[..random.Next(whole.Length + 1)];
            for (var k = random.Next(4); k > 0 && bytes.Length > 0; k--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (EventCodec.Read(bytes) is { } e)
                Line(e).ShouldNotBeEmpty();
        }
        EventCodec.Read([]).ShouldBeNull();
    }

    private static NetworkEvent Read(NetworkEvent e) => EventCodec.Read(Bytes(e)).ShouldNotBeNull();

    private static byte[] Bytes(NetworkEvent e)
    {
        var buffer = new ProtoBuffer();
        EventCodec.Write(e, buffer);
        return buffer.Written.ToArray();
    }

    private static string Line(NetworkEvent e)
    {
        using var json = new EventJson();
        return System.Text.Encoding.UTF8.GetString(json.Write([e]));
    }

    private static string Describe(NetworkEvent e) => string.Join('\n', typeof(NetworkEvent)
        .GetProperties().Select(p => $"{p.Name}: {Text(p.GetValue(e))}"));

    /// <summary>Every public property, of whatever depth.</summary>
    private static string Text(object? value) => value switch
    {
        null => "null",
        string or ValueType or IPAddress => value.ToString()!,
        System.Collections.IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(Text))}]",
        _ => $"({string.Join(", ", value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.GetIndexParameters().Length == 0).Select(p => $"{p.Name}: {Text(p.GetValue(value))}"))})",
    };
}
