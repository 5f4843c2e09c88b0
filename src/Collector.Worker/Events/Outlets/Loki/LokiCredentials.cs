using System.Text;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>
/// Who says it. Files are read for every request: tokens are renewed by replacing them, in Kubernetes by a link of
/// which no time tells.
/// </summary>
internal sealed class LokiCredentials(LokiOptions options)
{
    private const int Largest = 64 * 1024;

    /// <summary>Value of the header Authorization; null for none.</summary>
    /// <exception cref="IOException">A file cannot be read; the message names it and its key.</exception>
    public string? Authorization()
    {
        if (options.Username is { } user)
        {
            var password = options.Password?.Text ?? Read("loki.passwordFile", options.PasswordFile) ?? "";
            return $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}";
        }
        var token = options.Token?.Text ?? Read("loki.tokenFile", options.TokenFile);
        return token is null ? null : $"Bearer {token}";
    }

    private static string? Read(string key, string? path)
    {
        if (path is null)
            return null;
        try
        {
            var text = Encoding.UTF8.GetString(NamedFile.Read(path, Largest)).Trim();
            if (text.Length == 0)
                throw new IOException("is empty");
            // What it holds is a secret, also where it is wrong.
            return TextChecks.HeaderValue(text).Length == 0
                ? text
                : throw new IOException("holds characters other than visible ASCII");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{key}: {path}: {e.Message}", e);
        }
    }
}
