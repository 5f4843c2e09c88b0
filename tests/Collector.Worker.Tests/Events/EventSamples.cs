using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Tests.Events;

internal static class EventSamples
{
    public const long Time = 1_772_625_600_123_456_789;

    public static EventInfo Kind { get; } = new()
    {
        Name = "netlens.test.reset",
        Severity = EventSeverity.Warn,
        Description = "A connection was reset.",
        Fields = [new("netlens.test.state"), new("netlens.test.errno"), new("netlens.test.unknown")],
    };

    public static EventKey Key { get; } = new(Kind, 4026532001, 0);

    public static NetNamespace Pod { get; } = new(4026532001, 2, false, 0, new("", "shop", "web-0", "uid-1"));

    public static NetworkEvent Plain(int number = 0) => new()
    {
        Info = Kind,
        Time = Time + number,
        ObservedTime = Time,
        Message = $"number {number}",
    };

    public static NetworkEvent Full() => new()
    {
        Info = Kind,
        Time = Time,
        ObservedTime = Time + 5_000_000,
        Message = "reset by peer",
        Subject = Pod,
        Process = new(17, 18, "nginx"),
        Tuple = new("tcp", IPAddress.Parse("2001:db8::1"), 40000, IPAddress.Parse("2001:db8::2"), 443),
        Fields = ["established", -104, null],
        Stack = ["tcp_reset+0x10", "tcp_rcv_established+0x2a"],
        HeldBack = 7,
        IsSummary = true,
    };
}

/// <summary>An outlet that keeps what it gets and can be held up.</summary>
internal sealed class FakeOutlet(string name = "fake") : IEventOutlet
{
    private readonly ManualResetEventSlim _open = new(true);
    private readonly ManualResetEventSlim _entered = new(false);

    public string Name => name;

    public List<NetworkEvent> Taken { get; } = [];

    public Func<int, int> Answer { get; set; } = count => count;

    public bool Disposed { get; private set; }

    public void Block() => _open.Reset();

    public void Release() => _open.Set();

    /// <summary>Waits until events arrive while it is held up.</summary>
    public void WaitUntilEntered() => _entered.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        if (batch.IsEmpty)
            return 0;
        _entered.Set();
        try
        {
            _open.Wait(stop);
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        lock (Taken)
            Taken.AddRange(batch);
        return Answer(batch.Length);
    }

    public void Dispose() => Disposed = true;
}
