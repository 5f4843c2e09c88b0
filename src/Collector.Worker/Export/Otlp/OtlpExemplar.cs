using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>A slow occurrence as an exemplar: a field of a histogram's point.</summary>
internal static class OtlpExemplar
{
    private static readonly HashSet<string> OfRows = [.. SubjectNaming.Otel.Keys.Select(k => k.Key)];

    /// <summary>The field: time, value, ids, and what the point's own attributes do not say.</summary>
    public static byte[] Encode(Exemplar exemplar)
    {
        var e = exemplar.Event;
        var attributes = new List<KeyValuePair<string, object?>>(16);
        EventAttributes.Add(e, attributes);
        var body = new ProtoBuffer();
        foreach (var (key, value) in attributes)
        {
            if (OfRows.Contains(key))
                continue;
            TagValue its = value is long number ? number : value?.ToString() ?? "";
            EncodedAttributes.Write(body, OtlpFields.ExemplarAttributes, new Tag(key, its));
        }
        Proto.PutFixed64(body.Take(9), OtlpFields.ExemplarTime, e.Time);
        Proto.PutDouble(body.Take(9), OtlpFields.ExemplarAsDouble, exemplar.Value);
        if (e.Trace is { } trace)
        {
            Span<byte> id = stackalloc byte[16];
            trace.PutSpanId(id);
            body.Bytes(OtlpFields.ExemplarSpanId, id[..8]);
            trace.PutTraceId(id);
            body.Bytes(OtlpFields.ExemplarTraceId, id);
        }
        var field = new ProtoBuffer();
        field.Bytes(OtlpFields.HistogramExemplars, body.Written);
        return field.Written.ToArray();
    }
}
