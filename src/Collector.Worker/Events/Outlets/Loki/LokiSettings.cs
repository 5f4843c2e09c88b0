using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>Loki as it will be used.</summary>
/// <param name="Http">Where to, through which proxy, with which certificates.</param>
/// <param name="Options">The section of the configuration.</param>
/// <param name="Node">What the node is called.</param>
internal sealed record LokiSettings(OtlpSignalSettings Http, LokiOptions Options, string Node)
{
    private const string Push = "/loki/api/v1/push";

    /// <summary>Null where nothing goes to Loki.</summary>
    /// <param name="options">The configuration.</param>
    /// <param name="environment">Gives a variable's value, null where it is not set: those of proxies.</param>
    /// <param name="errors">Gets one line per bad value. Where any is added, the result must not be used.</param>
    public static LokiSettings? Of(AgentOptions options, Func<string, string?> environment, List<string> errors)
    {
        var loki = options.Loki;
        if (loki.Endpoint is not { } endpoint)
            return null;
        // A path that was given is meant: gateways have their own.
        var url = endpoint.AbsolutePath == "/" ? new Uri(endpoint, Push) : endpoint;
        return new(new OtlpSignalSettings
        {
            Endpoint = url,
            Proxy = OtlpProxy.Find(environment, url, grpc: false, errors.Add),
            Timeout = loki.Timeout,
            Certificate = loki.Certificate,
            ClientCertificate = loki.ClientCertificate,
            ClientKey = loki.ClientKey,
            Origins = new("loki.certificate", "loki.clientCertificate", "loki.clientKey"),
        }, loki, NodeName.Of(options));
    }

    /// <summary>What a file of keys cannot tell: keys that exclude each other, files of certificates.</summary>
    public static void Check(
        AgentOptions options, IReadOnlyDictionary<string, string> sources, Func<string, string?> environment,
        List<string> errors)
    {
        var loki = options.Loki;
        Never(loki.Password is not null && loki.PasswordFile is not null,
            "loki.passwordFile", "loki.password is set too; allowed: one of them");
        Never(loki.Token is not null && loki.TokenFile is not null,
            "loki.tokenFile", "loki.token is set too; allowed: one of them");
        Never(loki.Username is null && (loki.Password is not null || loki.PasswordFile is not null),
            loki.Password is null ? "loki.passwordFile" : "loki.password", "loki.username is not set");
        Never(loki.Username is not null && (loki.Token is not null || loki.TokenFile is not null),
            loki.Token is null ? "loki.tokenFile" : "loki.token", "loki.username is set too; allowed: one of them");
        if (Of(options, environment, errors) is { } settings)
            OtlpTls.Check([settings.Http], sources, errors);

        void Never(bool wrong, string key, string problem)
        {
            if (wrong)
                errors.Add($"{(sources.TryGetValue(key, out var at) ? $"{at}: key '{key}'" : key)}: {problem}");
        }
    }

    public override string ToString() =>
        $"Loki at {Redacted.Url(Http.Endpoint!)}{(Http.Proxy is { } proxy ? $" through the proxy {proxy}" : "")}";
}
