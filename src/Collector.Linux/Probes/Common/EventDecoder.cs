using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>Reads a probe's records, and tells what it lost.</summary>
internal interface IEventDecoder : IRecordReader
{
    RecordLosses Losses { get; }
}

/// <summary>What becomes of a record before the limiter is asked.</summary>
internal enum Screening
{
    /// <summary>It is an event.</summary>
    Event,

    /// <summary>It is none, and not counted.</summary>
    Nothing,

    /// <summary>Only a look-up can tell: the resolver asks again.</summary>
    Unknown,
}

/// <summary>
/// From a probe's records to events. On the event thread: which kind it is and whether the limiter lets it through; on
/// the resolver's thread: the event, with whose namespace, process and addresses they are.
/// </summary>
/// <param name="host">The machine.</param>
/// <param name="kindOf">The kind of a record.</param>
internal sealed class EventDecoder<TRecord>(ProbeHost host, OfRecord<TRecord, EventKind<TRecord>> kindOf)
    : IEventDecoder, IOccurrenceReader where TRecord : unmanaged
{
    public EventDecoder(ProbeHost host, EventKind<TRecord> only) : this(host, (in _) => only)
    {
    }

    public RecordLosses Losses { get; } = new();

    /// <summary>Bytes that a record has at least; the rest of the structure is zero then.</summary>
    public int LeastBytes { get; init; } = Unsafe.SizeOf<TRecord>();

    /// <summary>Sorts out what is no event, without a look-up; null: everything is one.</summary>
    public OfRecord<TRecord, Screening>? Screen { get; init; }

    /// <summary>The same with look-ups, on the resolver's thread.</summary>
    public OfRecord<TRecord, bool>? IsEvent { get; init; }

    public void OnRecord(ReadOnlySpan<byte> record)
    {
        try
        {
            Take(record);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A fault of ours must not end the thread that serves every probe.
            Losses.CountUndecoded();
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < LeastBytes)
        {
            Losses.CountUndecoded();
            return;
        }
        var record = Read(bytes);
        var verdict = Screen?.Invoke(record) ?? Screening.Event;
        if (verdict == Screening.Nothing)
            return;
        ref readonly var head = ref HeadOf(record);
        var key = KeyOf(record);
        var time = KernelClock.ToUnix(head.Time);
        var known = verdict == Screening.Event;
        if (known && !host.Events.Admit(key, time))
            return;
        if (!host.Bpf.Resolver.TryAdd(this, key, known, time, bytes))
            Losses.CountCrowdedOut();
    }

    public void Resolve(Occurrence occurrence)
    {
        try
        {
            var record = Read(occurrence.Record);
            // What was known on the event thread may be forgotten by now: asking makes it known again.
            if (occurrence.Admitted)
                IsEvent?.Invoke(record);
            else if (!Admit(record, occurrence))
                return;
            host.Events.Publish(occurrence.Key, Describe(record, occurrence));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Losses.CountUndecoded();
        }
    }

    // What it is may only be known now.
    private bool Admit(in TRecord record, Occurrence occurrence)
    {
        if (IsEvent?.Invoke(record) == false)
            return false;
        occurrence.Key = KeyOf(record);
        return host.Events.Admit(occurrence.Key, occurrence.Time);
    }

    private EventKey KeyOf(in TRecord record)
    {
        var kind = kindOf(record);
        ref readonly var head = ref HeadOf(record);
        return new EventKey(kind.Info, head.Netns, kind.Reason(record), head.IsRootless);
    }

    private NetworkEvent Describe(in TRecord record, Occurrence occurrence)
    {
        var kind = kindOf(record);
        ref readonly var head = ref HeadOf(record);
        var e = host.EventOwners.Complete(new NetworkEvent
        {
            Info = kind.Info,
            Severity = kind.Severity?.Invoke(record) ?? kind.Info.Severity,
            Time = occurrence.Time,
            Start = occurrence.Time - kind.Duration?.Invoke(record),
            Stations = StationsOf(kind.Stations?.Invoke(record) ?? [], occurrence.Time),
            Measured = kind.Measured?.Invoke(record),
            ObservedTime = occurrence.Observed,
            Message = "",
            Subject = host.Namespaces.Directory.Find(head.Netns, head.NetnsCookie),
            Rootless = head.IsRootless,
            Process = kind.Process is { } process ? process(record) : head.Process,
            Tuple = kind.Tuple?.Invoke(record),
            Fields = kind.Fields(record),
            Stack = kind.Stack?.Invoke(record, host.Bpf.Environment.Symbols) ?? [],
        });
        var what = kind.Message(record, new EventParties(e.Subject, e.Tuple));
        return e with { Message = EventText.Of(e, what, kind.ProcessRole) };
    }

    private static EventStation[] StationsOf((string Name, long Nanoseconds)[] parts, long end)
    {
        var stations = new EventStation[parts.Length];
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            stations[i] = new(parts[i].Name, end - parts[i].Nanoseconds, end);
            end = stations[i].Start;
        }
        return stations;
    }

    // May end before the structure does, and be padded behind it.
    private static TRecord Read(ReadOnlySpan<byte> bytes)
    {
        var record = default(TRecord);
        var all = MemoryMarshal.AsBytes(new Span<TRecord>(ref record));
        bytes[..Math.Min(bytes.Length, all.Length)].CopyTo(all);
        return record;
    }

    private static ref readonly EventHead HeadOf(in TRecord record) =>
        ref Unsafe.As<TRecord, EventHead>(ref Unsafe.AsRef(in record));
}
