using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>loki</c>.</summary>
internal static class LokiKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Key("endpoint", LokiUrl, "Where events are pushed to. Without a path: /loki/api/v1/push.",
            l => l.Endpoint, (l, v) => l with { Endpoint = (Uri?)v }, "http://loki:3100"),
        Key("tenant", HeaderText, "The tenant, sent as X-Scope-OrgID.",
            l => l.Tenant, (l, v) => l with { Tenant = (string?)v }, "netlens"),
        Key("username", HeaderText, "For basic authentication, with password or passwordFile.",
            l => l.Username, (l, v) => l with { Username = (string?)v }, "netlens"),
        Key("password", ValueType.Password, "Its password. Never printed.",
            l => l.Password, (l, v) => l with { Password = (Secret?)v }, "secret"),
        Key("passwordFile", AbsolutePath, "File with the password, read for every request.",
            l => l.PasswordFile, (l, v) => l with { PasswordFile = (string?)v }, "/etc/netlens/loki.password"),
        Key("token", ValueType.Password, "Bearer token, instead of a user. Never printed.",
            l => l.Token, (l, v) => l with { Token = (Secret?)v }, "secret"),
        Key("tokenFile", AbsolutePath, "File with the bearer token, read for every request.",
            l => l.TokenFile, (l, v) => l with { TokenFile = (string?)v }, "/etc/netlens/loki.token"),
        Key("certificate", AbsolutePath, "PEM file of the authority to trust instead of the system's.",
            l => l.Certificate, (l, v) => l with { Certificate = (string?)v }, "/etc/netlens/ca.pem"),
        Key("clientCertificate", AbsolutePath, "PEM file of our own certificate, for mutual TLS.",
            l => l.ClientCertificate, (l, v) => l with { ClientCertificate = (string?)v }, "/etc/netlens/client.pem"),
        Key("clientKey", AbsolutePath, "PEM file of its private key.",
            l => l.ClientKey, (l, v) => l with { ClientKey = (string?)v }, "/etc/netlens/client.key"),
        Key("timeout", Duration(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
            "How long one request may take.",
            l => l.Timeout, (l, v) => l with { Timeout = (TimeSpan)v! }),
        Key("form", Choice(("netlens", LokiForm.Netlens), ("kubeskoop", LokiForm.KubeSkoop)),
            "netlens: the message as line, attributes as structured metadata. kubeskoop: its labels and its JSON line.",
            l => l.Form, (l, v) => l with { Form = (LokiForm)v! }),
        Key("labels", StreamLabels, "Further labels of the stream, the same for all events: few.",
            l => l.Labels.Split(',', StringSplitOptions.RemoveEmptyEntries),
            (l, v) => l with { Labels = string.Join(',', (IReadOnlyList<string>)v!) }),
    ];

    private static ValueKey Key(
        string name, ValueType type, string description, Func<LokiOptions, object?> get,
        Func<LokiOptions, object?, LokiOptions> set, string? example = null) =>
        new($"loki.{name}", type, description, o => get(o.Loki), (o, v) => o with { Loki = set(o.Loki, v) })
        {
            Variable = $"NETLENS_LOKI_{name.ToUpperInvariant()}",
            Example = example,
        };
}
