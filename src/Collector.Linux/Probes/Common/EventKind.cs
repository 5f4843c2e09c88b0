using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>What a record of the kernel says.</summary>
internal delegate T OfRecord<TRecord, out T>(in TRecord record) where TRecord : unmanaged;

/// <summary>
/// One sentence for people: who did what, from or to whom, and why; who ran stands behind it (<see cref="EventText"/>).
/// </summary>
/// <param name="record">What happened.</param>
/// <param name="parties">What those are called who took part.</param>
internal delegate string MessageOf<TRecord>(in TRecord record, EventParties parties) where TRecord : unmanaged;

/// <summary>The kernel's stack, innermost first, as <c>symbol+0xoffset</c>.</summary>
internal delegate string[] StackOf<TRecord>(in TRecord record, KernelSymbols symbols) where TRecord : unmanaged;

/// <summary>
/// A kind of event: what it is called, and how a record of the kernel becomes one. Only <see cref="Reason"/> is asked
/// on the event thread; what looks things up or makes text is asked on the resolver's.
/// </summary>
/// <typeparam name="TRecord">Begins with an <see cref="EventHead"/>.</typeparam>
internal sealed class EventKind<TRecord> where TRecord : unmanaged
{
    public required EventInfo Info { get; init; }

    /// <summary>What tells like events apart, beside the namespace. Allocates nothing.</summary>
    public required OfRecord<TRecord, long> Reason { get; init; }

    /// <summary>How bad it is by its effect; null: as the kind usually.</summary>
    public OfRecord<TRecord, EventSeverity>? Severity { get; init; }

    /// <summary>Nanoseconds that it took until the record's time; null where the kind takes none.</summary>
    public OfRecord<TRecord, long>? Duration { get; init; }

    /// <summary>
    /// Its parts in their order, as names of stations and nanoseconds, the last one up to the record's time; null where
    /// they are not known.
    /// </summary>
    public OfRecord<TRecord, (string Name, long Nanoseconds)[]>? Stations { get; init; }

    /// <summary>The histogram that counted it; null: none, also as an answer.</summary>
    public OfRecord<TRecord, EventMeasure?>? Measured { get; init; }

    /// <summary>What happened, in one sentence for people.</summary>
    public required MessageOf<TRecord> Message { get; init; }

    /// <summary>One per field of the descriptor.</summary>
    public required OfRecord<TRecord, TagValue?[]> Fields { get; init; }

    /// <summary>Who ran; null: the process of the record's head.</summary>
    public OfRecord<TRecord, EventProcess?>? Process { get; init; }

    /// <summary>What the message calls the process; null where its own words name it.</summary>
    public string? ProcessRole { get; init; } = "running:";

    /// <summary>Both ends; null where the kind has none.</summary>
    public OfRecord<TRecord, FlowTuple?>? Tuple { get; init; }

    /// <summary>The kernel's stack; null where the kind has none.</summary>
    public StackOf<TRecord>? Stack { get; init; }
}
