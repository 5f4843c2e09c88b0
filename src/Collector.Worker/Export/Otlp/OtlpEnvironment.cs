using System.Buffers;
using System.Globalization;
using Collector.Worker.Configuration;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Reads OTEL_* variables. Every value is null where the variable is unset, empty or bad; a bad one adds one line that
/// names the variable and what is allowed. Values that may be secrets are never repeated.
/// </summary>
internal sealed class OtlpEnvironment(Func<string, string?> get, List<string> errors, List<string> warnings)
{
    /// <summary>RFC 9110, section 5.6.2: what a header's name is made of.</summary>
    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private readonly HashSet<string> _told = [];

    public string? Text(string name) => get(name)?.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>"true" and "false" in any case; by the specification anything else is false, with a warning.</summary>
    public bool? Flag(string name)
    {
        if (Text(name) is not { } text)
            return null;
        if (!bool.TryParse(text, out var value))
            Warn($"{name}: '{text}' is taken as false; allowed: true, false");
        return value;
    }

    public TimeSpan? Milliseconds(string name)
    {
        if (Text(name) is not { } text)
            return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0)
            return TimeSpan.FromMilliseconds(value);
        Fail($"{name}: '{YamlText.Shown(text)}' is not allowed; allowed: whole milliseconds from 1 to {int.MaxValue}");
        return null;
    }

    public OtlpProtocol? Protocol(string name) => Text(name) switch
    {
        null => null,
        "grpc" => OtlpProtocol.Grpc,
        "http/protobuf" => OtlpProtocol.HttpProtobuf,
        "http/json" => Fail<OtlpProtocol>($"{name}: 'http/json' is not supported; allowed: grpc, http/protobuf"),
        { } text => Fail<OtlpProtocol>(
            $"{name}: '{YamlText.Shown(text)}' is not allowed; allowed: grpc, http/protobuf"),
    };

    public bool? Gzip(string name) => Text(name) switch
    {
        null => null,
        "gzip" => true,
        "none" => false,
        { } text => Fail<bool>($"{name}: '{YamlText.Shown(text)}' is not allowed; allowed: gzip, none"),
    };

    /// <summary>True where the signal is to leave over OTLP.</summary>
    public bool Exporter(string name) => Text(name) switch
    {
        null or "otlp" => true,
        "none" => false,
        { } text => Fail<bool>($"{name}: '{YamlText.Shown(text)}' is not allowed; allowed: otlp, none") ?? false,
    };

    public OtlpTemporality? Temporality()
    {
        const string Name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        return Text(Name)?.ToLowerInvariant() switch
        {
            null => null,
            "cumulative" => OtlpTemporality.Cumulative,
            "delta" => OtlpTemporality.Delta,
            "lowmemory" => OtlpTemporality.LowMemory,
            { } text => Fail<OtlpTemporality>(
                $"{Name}: '{YamlText.Shown(text)}' is not allowed; allowed: cumulative, delta, lowmemory"),
        };
    }

    /// <summary>The kernel counts our histograms in fixed buckets; no other shape can be made of them.</summary>
    public void WarnOfHistogramAggregation(string name)
    {
        if (Text(name) is { } text && text != "explicit_bucket_histogram")
            Warn($"{name}: '{text}' is ignored, histograms leave as explicit_bucket_histogram");
    }

    /// <summary>4317 is gRPC's port by convention: over HTTP the other side only closes the connection.</summary>
    public void WarnOfPort(Uri? endpoint, OtlpProtocol? protocol, string signal)
    {
        if (endpoint is { Port: 4317 } && protocol is null)
            Warn($"{signal.ToLowerInvariant()} go to port 4317 over http/protobuf; "
                + "if a gRPC receiver listens there, set OTEL_EXPORTER_OTLP_PROTOCOL=grpc");
    }

    /// <summary>A URL; over gRPC also host:port, whose scheme <paramref name="insecure"/> tells.</summary>
    public Uri? Endpoint(string name, OtlpProtocol? protocol, bool insecure)
    {
        if (Text(name) is not { } text)
            return null;
        if (protocol == OtlpProtocol.Grpc && !text.Contains("://", StringComparison.Ordinal))
            text = (insecure ? "http://" : "https://") + text;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            Fail($"{name}: not a URL; allowed: http://HOST:PORT or https://HOST:PORT, with a path where needed");
            return null;
        }
        return IsUsable(name, url) ? url : null;
    }

    public OtlpProxy? Proxy(Uri endpoint, bool grpc) => OtlpProxy.Find(get, endpoint, grpc, Fail);

    public bool IsUsable(string name, Uri url)
    {
        if (!url.IsAbsoluteUri || url.Scheme is not ("http" or "https"))
            Fail($"{name}: only http:// and https:// URLs are allowed");
        else if (url.UserInfo.Length > 0)
            Fail($"{name}: a URL with a user name is not allowed; send an Authorization header instead");
        else
            return true;
        return false;
    }

    public IReadOnlyList<KeyValuePair<string, string>>? Headers(string name) =>
        Pairs(name) is { } pairs ? Sendable(name, pairs) : null;

    /// <summary>
    /// Complains of names that are no tokens and of values that cannot stand in a header (RFC 9110, section 5.5).
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, string>> Sendable(
        string name, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        foreach (var (key, value) in headers)
        {
            if (key.Length == 0 || key.AsSpan().ContainsAnyExcept(TokenCharacters))
                Fail($"{name}: '{YamlText.Shown(Redacted.HeaderName(key))}' is not a header name");
            else if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
                Fail($"{name}: the value of '{key}' holds a character that is not printable ASCII");
        }
        return headers;
    }

    /// <summary>"key=value,key=value" with percent-encoded values (W3C Baggage without metadata).</summary>
    public List<KeyValuePair<string, string>>? Pairs(string name)
    {
        if (Text(name) is not { } text)
            return null;
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var item in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? "" : Uri.UnescapeDataString(item[..equals].Trim());
            if (key.Length == 0)
                Fail($"{name}: item {pairs.Count + 1} is not KEY=VALUE; allowed: KEY=VALUE,KEY=VALUE; "
                    + "a comma within a value is written %2C");
            else
                pairs.Add(new(key, Uri.UnescapeDataString(item[(equals + 1)..].Trim())));
        }
        return pairs;
    }

    /// <summary>Adds a line once: general variables are read for each signal.</summary>
    private void Fail(string message)
    {
        if (_told.Add(message))
            errors.Add(message);
    }

    private T? Fail<T>(string message) where T : struct
    {
        Fail(message);
        return null;
    }

    private void Warn(string message)
    {
        if (_told.Add(message))
            warnings.Add(message);
    }
}
