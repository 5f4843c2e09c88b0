using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Tests.Kernel.Bpf;

/// <summary>Turns, ends and faults of the event thread, with buffers that no kernel fills.</summary>
public sealed class EventPumpTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void One_that_is_never_empty_keeps_nobody_out_and_can_leave()
    {
        using var pump = new EventPump();
        var (endless, modest) = (new Counter(), new Counter());
        var flood = pump.Add(new FakeBuffer(int.MaxValue), endless);
        Await(() => endless.Count > 10_000);

        var other = pump.Add(new FakeBuffer(1000), modest);
        Await(() => modest.Count == 1000);
        var before = endless.Count;
        Await(() => endless.Count > before);

        pump.Remove(flood);
        var after = endless.Count;
        pump.Remove(other);
        pump.Remove(other);
        Thread.Sleep(20);
        endless.Count.ShouldBe(after);
        modest.Count.ShouldBe(1000);
        pump.Fault.ShouldBeNull();
    }

    [Fact]
    public void The_last_turn_takes_what_is_left()
    {
        using var pump = new EventPump();
        var counter = new Counter();
        var buffer = new FakeBuffer(0);
        var id = pump.Add(buffer, counter);
        buffer.Left = 700;
        pump.Remove(id);
        counter.Count.ShouldBe(700);
        buffer.Closed.ShouldBeTrue();
    }

    [Fact]
    public void A_turn_that_hangs_keeps_neither_those_who_come_nor_others_who_go()
    {
        using var pump = new EventPump();
        using var hang = new ManualResetEventSlim();
        var slow = new Counter { OnEach = hang.Wait };
        var id = pump.Add(new FakeBuffer(1), slow);
        Await(() => slow.Count == 1);
        var (first, second) = (new Counter(), new Counter());
        var one = pump.Add(new FakeBuffer(5), first);
        pump.Add(new FakeBuffer(5), second);
        pump.Remove(one);
        first.Count.ShouldBe(5);
        hang.Set();
        Await(() => second.Count == 5);
        pump.Remove(id);
    }

    [Fact]
    public void Its_end_is_told_and_hangs_nobody()
    {
        using var pump = new EventPump();
        pump.Fault.ShouldBeNull();
        var broken = new Counter { OnEach = static () => throw new InvalidOperationException("no such record") };
        var id = pump.Add(new FakeBuffer(1), broken);
        Await(() => pump.Fault is not null);
        pump.Fault.ShouldBe("the thread that reads events ended: no such record");
        var rest = new Counter();
        var other = pump.Add(new FakeBuffer(3), rest);
        pump.Remove(other);
        rest.Count.ShouldBe(3);
        pump.Remove(id);
    }

    [Fact]
    public void Turns_allocate_nothing()
    {
        using var pump = new EventPump();
        var counter = new Counter();
        pump.Add(new FakeBuffer(int.MaxValue), counter);
        Await(() => counter.Count > 10_000);
        // A collection of garbage takes the rest of the thread's block, which then counts as its own: not in each of these.
        Enumerable.Range(0, 5).Select(_ =>
        {
            var (count, bytes) = (counter.Count, counter.Allocated);
            Await(() => counter.Count > count + 100_000);
            return counter.Allocated - bytes;
        }).ShouldContain(0);
    }

    private static void Await(Func<bool> done) => SpinWait.SpinUntil(done, Patience).ShouldBeTrue();

    private sealed class Counter : IRecordReader
    {
        private long _count;
        private long _allocated;

        public Action OnEach { get; init; } = static () => { };

        public long Count => Interlocked.Read(ref _count);

        /// <summary>Bytes that the thread had allocated.</summary>
        public long Allocated => Interlocked.Read(ref _allocated);

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            Interlocked.Exchange(ref _allocated, GC.GetAllocatedBytesForCurrentThread());
            Interlocked.Increment(ref _count);
            OnEach();
        }
    }

    /// <summary>Always readable, with so many records.</summary>
    private sealed class FakeBuffer : EventBuffer
    {
        private readonly SafeFd _fd = new(eventfd(1, EFD_CLOEXEC));

        public FakeBuffer(int left)
        {
            Left = left;
            Descriptors = [_fd.Value];
        }

        public int Left { get; set; }

        public bool Closed { get; private set; }

        public override IReadOnlyList<int> Descriptors { get; }

        public override bool Drain(IRecordReader reader, int most = int.MaxValue)
        {
            // Never longer than a kernel's buffer is.
            most = Math.Min(most, 4096);
            for (; most > 0 && Left > 0; most--)
            {
                Left -= Left == int.MaxValue ? 0 : 1;
                reader.OnRecord([]);
            }
            return Left > 0;
        }

        protected override void Dispose(bool disposing)
        {
            Closed = true;
            _fd.Dispose();
        }
    }
}
