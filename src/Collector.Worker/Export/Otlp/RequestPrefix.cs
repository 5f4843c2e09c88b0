namespace Collector.Worker.Export.Otlp;

/// <summary>
/// The part that every request begins with: ResourceMetrics with its resource, ScopeMetrics with its scope, both left
/// open for the metrics that follow.
/// </summary>
internal sealed class RequestPrefix
{
    /// <summary>The version of the semantic conventions that our system.* and k8s.* names are of.</summary>
    public const string SchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

    public const string ScopeName = "netlens";

    private readonly byte[] _bytes;
    private readonly int _resourceStart;
    private readonly int _scopeStart;

    public RequestPrefix(ResourceAttributes resource, string scopeVersion)
    {
        var buffer = new ProtoBuffer();
        _resourceStart = buffer.Open(OtlpFields.RequestResourceMetrics);
        buffer.Bytes(OtlpFields.ResourceMetricsResource, resource.Encode());
        buffer.Text(OtlpFields.ResourceMetricsSchemaUrl, SchemaUrl);
        _scopeStart = buffer.Open(OtlpFields.ResourceMetricsScopeMetrics);
        var scope = new ProtoBuffer();
        scope.Text(OtlpFields.ScopeName, ScopeName);
        scope.Text(OtlpFields.ScopeVersion, scopeVersion);
        buffer.Bytes(OtlpFields.ScopeMetricsScope, scope.Written);
        buffer.Text(OtlpFields.ScopeMetricsSchemaUrl, SchemaUrl);
        _bytes = buffer.Written.ToArray();
    }

    public void WriteTo(ProtoBuffer buffer)
    {
        buffer.Clear();
        buffer.Raw(_bytes);
    }

    public void Close(ProtoBuffer buffer)
    {
        buffer.Close(_scopeStart);
        buffer.Close(_resourceStart);
    }
}
