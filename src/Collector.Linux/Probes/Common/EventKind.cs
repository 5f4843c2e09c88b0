using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>What a record of the kernel says.</summary>
internal delegate T OfRecord<TRecord, out T>(in TRecord record) where TRecord : unmanaged;

/// <summary>What happened, for people; whose it is and who ran stands behind it (<see cref="EventText"/>).</summary>
/// <param name="record">What happened.</param>
/// <param name="tuple">Both ends with their pods, where the kind has them.</param>
internal delegate string MessageOf<TRecord>(in TRecord record, FlowTuple? tuple) where TRecord : unmanaged;

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

    /// <summary>What happened, in one line for people.</summary>
    public required MessageOf<TRecord> Message { get; init; }

    /// <summary>One per field of the descriptor.</summary>
    public required OfRecord<TRecord, TagValue?[]> Fields { get; init; }

    /// <summary>Who ran; null: the process of the record's head.</summary>
    public OfRecord<TRecord, EventProcess?>? Process { get; init; }

    /// <summary>What the message calls the process; null where its own words name it.</summary>
    public string? ProcessRole { get; init; } = "running:";

    /// <summary>Both ends; null where the kind has none.</summary>
    public OfRecord<TRecord, FlowTuple?>? Tuple { get; init; }

    /// <summary>Older exporters' type for it; null where they have none.</summary>
    public OfRecord<TRecord, string?>? LegacyType { get; init; }

    /// <summary>The kernel's stack; null where the kind has none.</summary>
    public StackOf<TRecord>? Stack { get; init; }
}
