using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// Writes events as JSON lines: one object per line, keys always in the same order, UTF-8. Not thread-safe.
/// </summary>
internal sealed class EventJson : IDisposable
{
    // Leaves letters of all languages readable. Control characters, quotes and lone surrogates are escaped or replaced
    // all the same, and nothing here ends up in a web page.
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _lines = new(4096);
    private readonly Utf8JsonWriter _json;
    private readonly List<KeyValuePair<string, object?>> _attributes = new(24);

    public EventJson() => _json = new Utf8JsonWriter(_lines, Options);

    /// <summary>The lines of <paramref name="events"/>, until the next call.</summary>
    public ReadOnlySpan<byte> Write(ReadOnlySpan<NetworkEvent> events)
    {
        _lines.ResetWrittenCount();
        foreach (var e in events)
        {
            _json.Reset(_lines);
            Write(e, null);
            _json.Flush();
            _lines.Write("\n"u8);
        }
        return _lines.WrittenSpan;
    }

    /// <summary>The line of one event without its end, with its number in front, until the next call.</summary>
    public ReadOnlySpan<byte> Write(NetworkEvent e, ulong number)
    {
        _lines.ResetWrittenCount();
        _json.Reset(_lines);
        Write(e, (ulong?)number);
        _json.Flush();
        return _lines.WrittenSpan;
    }

    public void Dispose() => _json.Dispose();

    private void Write(NetworkEvent e, ulong? number)
    {
        Span<byte> time = stackalloc byte[TimeLength];
        _json.WriteStartObject();
        if (number is { } seq)
            _json.WriteNumber("seq"u8, seq);
        Format(e.Time, time);
        _json.WriteString("time"u8, time);
        Format(e.ObservedTime, time);
        _json.WriteString("observed_time"u8, time);
        _json.WriteString("event"u8, e.Info.Name);
        _json.WriteString("severity"u8, Severity(e.Severity));
        _json.WriteString("message"u8, e.Message);
        if (e.Trace is { } trace)
        {
            _json.WriteString("trace_id"u8, trace.TraceId);
            _json.WriteString("span_id"u8, trace.SpanId);
        }
        _json.WriteStartObject("attributes"u8);
        _attributes.Clear();
        EventAttributes.Add(e, _attributes);
        foreach (var (key, value) in _attributes)
            Write(key, value);
        _attributes.Clear();
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private void Write(string key, object? value)
    {
        switch (value)
        {
            case long number:
                _json.WriteNumber(key, number);
                break;
            case bool flag:
                _json.WriteBoolean(key, flag);
                break;
            default:
                _json.WriteString(key, (string?)value);
                break;
        }
    }

    /// <summary>The short names of OpenTelemetry's log data model.</summary>
    internal static string Severity(EventSeverity severity) => severity switch
    {
        EventSeverity.Info => "INFO",
        EventSeverity.Warn => "WARN",
        _ => "ERROR",
    };

    internal const int TimeLength = 30;

    /// <summary>RFC 3339 in UTC with all nine digits: <c>2026-03-04T12:00:00.123456789Z</c>.</summary>
    internal static void Format(long unixNanoseconds, Span<byte> into)
    {
        var (ticks, rest) = Math.DivRem(unixNanoseconds, 100);
        if (rest < 0)
            (ticks, rest) = (ticks - 1, rest + 100);
        DateTime.UnixEpoch.AddTicks(ticks).TryFormat(
            into, out var written, "yyyy-MM-ddTHH:mm:ss.fffffff", CultureInfo.InvariantCulture);
        rest.TryFormat(into[written..], out _, "00", CultureInfo.InvariantCulture);
        into[^1] = (byte)'Z';
    }
}
