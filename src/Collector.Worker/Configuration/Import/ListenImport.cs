using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>KubeSkoop's <c>address</c>, else its <c>port</c> on every address.</summary>
internal static class ListenImport
{
    private const string Insecure = "http.insecure";

    public static void Read(ImportMap file, ImportDraft draft)
    {
        var port = file.Text("port");
        if (file.Text("address") is { } address)
            Listen(Translated(address.Text), address, $"address: {address.Text}", draft);
        else
            Port(port, "port", draft);
    }

    /// <summary>A port on every address, as KubeSkoop opens it.</summary>
    public static void Port(YamlScalar? port, string key, ImportDraft draft)
    {
        if (port is not null)
            Listen($"0.0.0.0:{port.Text}", port, $"{key}: {port.Text}", draft);
    }

    private static void Listen(string listen, YamlNode from, string was, ImportDraft draft)
    {
        draft.Set("http.listen", listen, from, was,
            "Shows the node's counters to whoever reaches the port; 127.0.0.1 keeps them on the node.");
        if (ImportDraft.Knows(Insecure) && ListenAddress.TryParse(listen, out var address, out _)
            && !address.IsLoopback)
        {
            draft.Set(Insecure, "true", from, was, "As with KubeSkoop, the port has neither password nor encryption. "
                + "Better: http.tokenFile or http.token, and http.certificate with http.key.");
        }
    }

    // [tcp://]host:port, host may be missing; unix:///path
    private static string Translated(string address)
    {
        const string Tcp = "tcp://", Unix = "unix://";
        if (address.StartsWith(Unix, StringComparison.Ordinal))
            return "unix:" + address[Unix.Length..];
        var text = address.StartsWith(Tcp, StringComparison.Ordinal) ? address[Tcp.Length..] : address;
        return text.StartsWith(':') ? "0.0.0.0" + text : text;
    }
}
