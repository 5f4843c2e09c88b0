namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Field numbers of opentelemetry/proto/{common,resource,metrics}/v1 and collector/metrics/v1, as far as we write or
/// read them. They are stable: OTLP 1.x never changes a number.
/// </summary>
internal static class OtlpFields
{
    public const int RequestResourceMetrics = 1;

    public const int ResourceMetricsResource = 1;
    public const int ResourceMetricsScopeMetrics = 2;
    public const int ResourceMetricsSchemaUrl = 3;
    public const int ResourceAttributes = 1;

    public const int ScopeMetricsScope = 1;
    public const int ScopeMetricsMetrics = 2;
    public const int ScopeMetricsSchemaUrl = 3;
    public const int ScopeName = 1;
    public const int ScopeVersion = 2;

    public const int MetricName = 1;
    public const int MetricDescription = 2;
    public const int MetricUnit = 3;
    public const int MetricGauge = 5;
    public const int MetricSum = 7;
    public const int MetricHistogram = 9;

    /// <summary>In Gauge, Sum and Histogram alike.</summary>
    public const int DataPoints = 1;

    /// <summary>In Sum and Histogram alike.</summary>
    public const int Temporality = 2;
    public const int SumIsMonotonic = 3;
    public const int TemporalityDelta = 1;
    public const int TemporalityCumulative = 2;

    /// <summary>In NumberDataPoint and HistogramDataPoint alike.</summary>
    public const int PointStartTime = 2;
    public const int PointTime = 3;
    public const int NumberAsDouble = 4;
    public const int NumberAsInt = 6;
    public const int NumberAttributes = 7;
    public const int HistogramCount = 4;
    public const int HistogramSum = 5;
    public const int HistogramBucketCounts = 6;
    public const int HistogramBounds = 7;
    public const int HistogramExemplars = 8;
    public const int HistogramAttributes = 9;

    public const int ExemplarTime = 2;
    public const int ExemplarAsDouble = 3;
    public const int ExemplarSpanId = 4;
    public const int ExemplarTraceId = 5;
    public const int ExemplarAttributes = 7;

    public const int KeyValueKey = 1;
    public const int KeyValueValue = 2;
    public const int AnyString = 1;
    public const int AnyInt = 3;

    /// <summary>In ExportMetricsServiceResponse and ExportLogsServiceResponse alike.</summary>
    public const int ResponsePartialSuccess = 1;
    public const int PartialRejected = 1;
    public const int PartialMessage = 2;
}
