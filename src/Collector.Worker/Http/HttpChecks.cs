using Collector.Worker.Configuration;

namespace Collector.Worker.Http;

/// <summary>
/// What of the section <c>http</c> must not be so, though each key is right: a listener that strangers reach without
/// guards, and files that are no use.
/// </summary>
internal static class HttpChecks
{
    /// <summary>Adds one line for each fault.</summary>
    /// <param name="options">The section.</param>
    /// <param name="sources">Where each key was written, for the lines.</param>
    /// <param name="errors">Gets the lines.</param>
    public static void Check(HttpOptions options, IReadOnlyDictionary<string, string> sources, List<string> errors)
    {
        if (!options.Enabled)
            return;
        var before = errors.Count;
        foreach (var (key, problem) in Faults(options))
            errors.Add(Line(key, problem, sources));
        if (errors.Count > before)
            return;
        Try(() => BearerToken.Of(options, TimeProvider.System), sources, errors);
        Try(() => ServerCertificate.Of(options, TimeProvider.System), sources, errors);
    }

    /// <summary>What an address lacks that other machines reach; null when nothing.</summary>
    /// <param name="address">Where something listens.</param>
    /// <param name="options">Its guards.</param>
    public static string? Missing(ListenAddress address, HttpOptions options)
    {
        if (address.IsLocal)
            return null;
        var token = options.Token is not null || options.TokenFile is not null;
        var tls = options is { Certificate: not null, Key: not null };
        return (token, tls) switch
        {
            (true, true) => null,
            (true, false) => "http.certificate and http.key",
            (false, true) => "http.token or http.tokenFile",
            _ => "http.token or http.tokenFile, and http.certificate and http.key",
        };
    }

    private static IEnumerable<(string Key, string Problem)> Faults(HttpOptions options)
    {
        if (options.Token is not null && options.TokenFile is not null)
            yield return ("http.tokenFile", "is set beside http.token: one of them is the token");
        if (options is { Certificate: not null, Key: null })
            yield return ("http.certificate", "is set without http.key");
        else if (options is { Certificate: null, Key: not null })
            yield return ("http.key", "is set without http.certificate");
        else if (!options.Insecure && Missing(ListenAddress.Parse(options.Listen), options) is { } missing)
            yield return ("http.listen",
                $"{options.Listen} can be reached from other machines: set {missing}, or http.insecure: true");
    }

    private static void Try(
        Func<object?> open, IReadOnlyDictionary<string, string> sources, List<string> errors)
    {
        try
        {
            open();
        }
        catch (HttpFileException e)
        {
            errors.Add(Line(e.Key, e.Message, sources));
        }
    }

    private static string Line(string key, string problem, IReadOnlyDictionary<string, string> sources) =>
        sources.TryGetValue(key, out var source) ? $"{source}: key '{key}': {problem}" : $"{key}: {problem}";
}
