using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>http</c>.</summary>
internal static class HttpKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("http.enabled", ValueType.Boolean, "Off opens neither the port nor the socket.",
            o => o.Http.Enabled, (o, v) => o with { Http = o.Http with { Enabled = (bool)v! } })
        {
            Variable = "NETLENS_HTTP_ENABLED",
        },
        new ValueKey("http.listen", Listen,
            "Address and port, or unix:/path. An address that other machines reach takes a token and TLS.",
            o => o.Http.Listen, (o, v) => o with { Http = o.Http with { Listen = (string)v! } })
        {
            Variable = "NETLENS_HTTP_LISTEN",
        },
        new ValueKey("http.basePath", BasePath,
            "Path below which a proxy puts the agent and which it hands on: all is answered there as well, and goes on "
                + "being answered without it.",
            o => o.Http.BasePath, (o, v) => o with { Http = o.Http with { BasePath = (string)v! } })
        {
            Variable = "NETLENS_HTTP_BASEPATH",
        },
        new ValueKey("http.token", BearerToken,
            "What whoever asks over the network must send as bearer token, health answers apart. Never printed.",
            o => o.Http.Token, (o, v) => o with { Http = o.Http with { Token = (Secret?)v } })
        {
            Variable = "NETLENS_HTTP_TOKEN",
            Example = "TOKEN",
        },
        new ValueKey("http.tokenFile", AbsolutePath,
            "File that holds the token instead. Read again when it changes; while it cannot be, nobody is let in.",
            o => o.Http.TokenFile, (o, v) => o with { Http = o.Http with { TokenFile = (string?)v } })
        {
            Variable = "NETLENS_HTTP_TOKENFILE",
            Example = "/etc/netlens/token",
        },
        new ValueKey("http.certificate", AbsolutePath,
            "PEM file of the server's certificate, followed by those between it and its authority: TLS. "
                + "Read again when it changes.",
            o => o.Http.Certificate, (o, v) => o with { Http = o.Http with { Certificate = (string?)v } })
        {
            Variable = "NETLENS_HTTP_CERTIFICATE",
            Example = "/etc/netlens/server.pem",
        },
        new ValueKey("http.key", AbsolutePath, "PEM file of its private key, unencrypted.",
            o => o.Http.Key, (o, v) => o with { Http = o.Http with { Key = (string?)v } })
        {
            Variable = "NETLENS_HTTP_KEY",
            Example = "/etc/netlens/server.key",
        },
        new ValueKey("http.insecure", ValueType.Boolean,
            "Allows an address that other machines reach without TLS, or without a token, or without both.",
            o => o.Http.Insecure, (o, v) => o with { Http = o.Http with { Insecure = (bool)v! } })
        {
            Variable = "NETLENS_HTTP_INSECURE",
        },
        new ValueKey("http.socket", SocketPath,
            "Unix socket beside the port, for this machine's root and its own group; asks for no token. "
                + "Empty: none. The agent does without the default where it cannot be had.",
            o => o.Http.Socket, (o, v) => o with { Http = o.Http with { Socket = (string)v! } })
        {
            Variable = "NETLENS_HTTP_SOCKET",
        },
    ];
}
