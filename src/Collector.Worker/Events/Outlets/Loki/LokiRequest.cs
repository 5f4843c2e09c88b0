using System.Globalization;
using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Series;
using Snappier;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>
/// The body of a push: logproto.PushRequest with one stream, in snappy's block format. Used again and again.
/// </summary>
internal sealed class LokiRequest(LokiSettings settings)
{
    // pkg/push/push.proto
    private const int Streams = 1;
    private const int StreamLabels = 1;
    private const int StreamEntries = 2;
    private const int EntryTime = 1;
    private const int EntryLine = 2;
    private const int EntryMetadata = 3;
    private const int Seconds = 1;
    private const int Nanoseconds = 2;
    private const int PairName = 1;
    private const int PairValue = 2;

    private const long Billion = 1_000_000_000;

    private readonly string _labels = LokiLabels.Of(settings);
    private readonly List<KeyValuePair<string, object?>> _attributes = new(24);
    private readonly ProtoBuffer _message = new(64 * 1024);
    private byte[] _compressed = [];

    /// <summary>The body, until the next call.</summary>
    /// <param name="events">Any; they are sorted by time, as Loki wants them within a stream.</param>
    public ReadOnlyMemory<byte> Body(ReadOnlyMemory<NetworkEvent> events)
    {
        _message.Clear();
        var stream = _message.Open(Streams);
        _message.Text(StreamLabels, _labels);
        foreach (var e in Sorted(events))
            Entry(e);
        _message.Close(stream);
        var room = Snappy.GetMaxCompressedLength(_message.Position);
        if (_compressed.Length < room)
            _compressed = new byte[room];
        return _compressed.AsMemory(0, Snappy.Compress(_message.Written, _compressed));
    }

    private static IEnumerable<NetworkEvent> Sorted(ReadOnlyMemory<NetworkEvent> events) =>
        events.ToArray().OrderBy(e => e.Time); // Stable: of the same time, the order of events.

    private void Entry(NetworkEvent e)
    {
        var entry = _message.Open(StreamEntries);
        var time = _message.Open(EntryTime);
        _message.Integer(Seconds, Math.DivRem(e.Time, Billion, out var rest));
        _message.Integer(Nanoseconds, rest);
        _message.Close(time);
        if (settings.Options.Form == LokiForm.KubeSkoop)
        {
            _message.Bytes(EntryLine, KubeSkoopJson.Of(e, settings.Node));
        }
        else
        {
            _message.Text(EntryLine, e.Message);
            Metadata(e);
        }
        _message.Close(entry);
    }

    private void Metadata(NetworkEvent e)
    {
        Pair("event_name", e.Info.Name);
        // The word by which Grafana colours a line.
        Pair("level", e.Severity switch
        {
            EventSeverity.Info => "info",
            EventSeverity.Warn => "warn",
            _ => "error",
        });
        if (e.Trace is { } trace)
        {
            Pair("trace_id", trace.TraceId);
            Pair("span_id", trace.SpanId);
        }
        _attributes.Clear();
        EventAttributes.Add(e, _attributes);
        foreach (var (key, value) in _attributes)
        {
            Pair(LokiLabels.Name(key), value switch
            {
                long number => number.ToString(CultureInfo.InvariantCulture),
                bool flag => flag ? "true" : "false",
                _ => (string)value!,
            });
        }
        _attributes.Clear();
    }

    private void Pair(string name, string value)
    {
        var pair = _message.Open(EntryMetadata);
        _message.Text(PairName, name);
        _message.Text(PairValue, value);
        _message.Close(pair);
    }
}
