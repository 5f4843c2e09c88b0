using System.Collections;
using System.Diagnostics;
using Collector.Core.Events;
using Collector.Worker.Export.Series;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace Collector.Worker.Events.Outlets;

/// <summary>An event as the state of a log call: the SDK takes a list of pairs as the record's attributes.</summary>
internal sealed class EventRecord : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly List<KeyValuePair<string, object?>> _attributes = new(16);
    private readonly NetworkEvent _event;

    public EventRecord(NetworkEvent e)
    {
        _event = e;
        EventAttributes.Add(e, _attributes);
    }

    public string Message => _event.Message;

    public DateTime Time => Utc(_event.Time);

    public DateTime ObservedTime => Utc(_event.ObservedTime);

    public EventTrace? Trace => _event.Trace;

    public int Count => _attributes.Count;

    public KeyValuePair<string, object?> this[int index] => _attributes[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => _attributes.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => Message;

    // The SDK keeps times in units of 100 ns.
    internal static DateTime Utc(long unixNanoseconds) => DateTime.UnixEpoch.AddTicks(unixNanoseconds / 100);
}

/// <summary>Gives each record the times of its event instead of the time of the call, and its span.</summary>
internal sealed class RecordTimes : BaseProcessor<LogRecord>
{
    public override void OnEnd(LogRecord data)
    {
        if (data.Attributes is not EventRecord record)
            return;
        data.Timestamp = record.Time;
        data.ObservedTimestamp = record.ObservedTime;
        if (record.Trace is not { } trace)
            return;
        data.TraceId = ActivityTraceId.CreateFromString(trace.TraceId);
        data.SpanId = ActivitySpanId.CreateFromString(trace.SpanId);
        data.TraceFlags = ActivityTraceFlags.Recorded;
    }
}
