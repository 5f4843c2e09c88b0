using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;
using static Tmds.Linux.LibC;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// Records from the kernel to the reader, through both kinds of buffers: each getppid of this process makes one.
/// </summary>
public sealed class EventBufferTests
{
    private const int RingBytes = 64 * 1024;

    [RequiresBpfTheory]
    [InlineData(false, 16)]
    [InlineData(false, 40)]
    [InlineData(false, 512)]
    [InlineData(true, 16)]
    [InlineData(true, 40)]
    [InlineData(true, 512)]
    public void Every_record_arrives_once_in_order_and_whole_also_over_the_buffers_end(bool perf, int size)
    {
        if (!perf && !BpfLibrary.HasRingBuffers)
            return;
        using var source = new RecordSource(perf, size, pumped: true);
        // Several times the buffer, in portions that fit in it.
        var portion = 20_000 / size;
        var calls = RingBytes * 4 / size / portion * portion;
        for (var sent = 0; sent < calls; sent += portion)
        {
            source.Call(portion);
            var expected = sent + portion;
            BpfProbeRun.Eventually(() => source.Numbers.Count.ShouldBe(expected));
        }
        // Perf buffers are one per CPU: in order on each of them.
        IEnumerable<ulong> arrived = perf ? source.Numbers.Order() : source.Numbers;
        arrived.ShouldBe(Enumerable.Range(0, calls).Select(n => (ulong)n));
        source.Malformed.ShouldBe(0);
        source.Lost.ShouldBe(0);
    }

    [RequiresBpfTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_finds_no_room_is_counted_in_the_kernel(bool perf)
    {
        if (!perf && !BpfLibrary.HasRingBuffers)
            return;
        // Nobody drains until the flood is over.
        using var source = new RecordSource(perf, 512, pumped: false);
        const int Calls = 2000;
        source.Call(Calls);
        source.Drain();
        source.Lost.ShouldBeGreaterThan(0);
        (source.Numbers.Count + source.Lost).ShouldBe(Calls);
        source.Numbers.Distinct().Count().ShouldBe(source.Numbers.Count);
        source.Malformed.ShouldBe(0);
        // Drained, it takes records again.
        source.Call(10);
        source.Drain();
        source.Numbers.Max().ShouldBe((ulong)Calls + 9);
    }

    [RequiresBpfFact]
    public void Draining_allocates_nothing()
    {
        using var source = new RecordSource(!BpfLibrary.HasRingBuffers, 64, pumped: false, keep: false);
        source.Call(100);
        source.Drain();
        source.Call(500);
        var before = GC.GetAllocatedBytesForCurrentThread();
        source.Drain();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        source.Seen.ShouldBe(600);
    }

    [RequiresBpfFact]
    public void A_whole_map_is_read_in_batches_without_allocation()
    {
        using var source = new RecordSource(!BpfLibrary.HasRingBuffers, 0, pumped: false);
        // 3,000 keys, each counted twice.
        source.Call(6000);
        var reader = new BpfMapReader<ulong, ulong>(source.Object.Map("counts"));
        reader.Read();
        reader.Count.ShouldBe(3000);
        reader.Keys.ToArray().Order().ShouldBe([.. Enumerable.Range(0, 3000).Select(k => (ulong)k)]);
        var sums = new long[1];
        for (var i = 0; i < reader.Count; i++)
        {
            PerCpu.Sum(reader.Entry(i), sums);
            sums[0].ShouldBe(2);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        reader.Read();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void A_mirror_of_the_wrong_size_is_refused()
    {
        using var source = new RecordSource(!BpfLibrary.HasRingBuffers, 0, pumped: false);
        Should.Throw<InvalidOperationException>(() => source.Object.Map("settings").Expect<uint, uint>())
            .Message.ShouldBe("map settings has 4 byte keys and 8 byte values, read as 4 and 4");
    }

    /// <summary>The program, its buffer, and a reader that checks every record.</summary>
    private sealed class RecordSource : IRecordReader, IDisposable
    {
        private readonly EventPump _pump = new();
        private readonly EventBuffer? _buffer;
        private readonly int _size;
        private readonly bool _keep;
        private readonly List<ulong> _numbers = [];

        public RecordSource(bool perf, int size, bool pumped, bool keep = true)
        {
            _size = size;
            _keep = keep;
            Object = AttachLadder.Climb(
                LabObject.Environment, LabObject.Image(perf), [new Hook("records", new Way("records"))],
                opened =>
                {
                    if (!perf)
                        opened.Map("events").Resize(RingBytes);
                },
                loaded => loaded.Map("settings").Update(0u, new Settings
                {
                    Pid = (uint)Environment.ProcessId, Size = (uint)size,
                }),
                out var report) ?? throw new InvalidOperationException(report.Failure);
            var buffer = EventBuffer.Open(Object.Map("events"), RingBytes);
            if (pumped)
                _pump.Add(buffer, this);
            else
                _buffer = buffer;
        }

        public BpfObject Object { get; }

        public IReadOnlyList<ulong> Numbers
        {
            get
            {
                lock (_numbers)
                    return [.. _numbers];
            }
        }

        public int Malformed { get; private set; }

        public int Seen { get; private set; }

        public long Lost
        {
            get
            {
                var losses = Object.Map("losses");
                var entry = new byte[losses.EntrySize];
                losses.TryLookup(0u, entry);
                var sum = new long[1];
                PerCpu.Sum(entry, sum);
                return sum[0];
            }
        }

        public void Call(int times)
        {
            for (var i = 0; i < times; i++)
                _ = getppid();
        }

        public void Drain() => _buffer!.Drain(this);

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            Seen++;
            if (!_keep)
                return;
            var number = MemoryMarshal.Read<ulong>(record);
            // Perf buffers round the length up.
            if (record.Length < _size || record.Length > _size + 8
                || record[8.._size].ContainsAnyExcept((byte)number))
            {
                Malformed++;
            }
            lock (_numbers)
                _numbers.Add(number);
        }

        public void Dispose()
        {
            _pump.Dispose();
            _buffer?.Dispose();
            Object.Dispose();
        }
    }

    private struct Settings
    {
        public uint Pid;
        public uint Size;
    }
}
