using System.Net;
using System.Net.Sockets;
using Collector.Worker.Hosting;

namespace Collector.Worker.Watch;

/// <summary>Why an agent gives no events, or no more.</summary>
/// <param name="Reason">For people, about the agent.</param>
/// <param name="Code">The exit code where trying again cannot help; null where it may.</param>
internal sealed record PeerEnd(string Reason, int? Code = null)
{
    /// <summary>The agent was not even asked: the reason is about a file of ours.</summary>
    public bool IsOurs { get; init; }

    /// <summary>Where an agent's events are.</summary>
    public const string Events = "/events";

    /// <summary>What they are called.</summary>
    public const string Lines = "application/x-ndjson";

    private const string VersionHeader = "Netlens-Version";
    private const int LongestText = 200;

    /// <summary>What the first lines of an answer mean; null where what was asked for follows.</summary>
    /// <param name="answer">It.</param>
    /// <param name="path">What was asked for.</param>
    /// <param name="wanted">The type that it has.</param>
    /// <param name="stop">Ends reading.</param>
    public static async Task<PeerEnd?> OfAsync(
        HttpResponseMessage answer, string path, string wanted, CancellationToken stop)
    {
        var type = answer.Content.Headers.ContentType?.MediaType ?? "no type";
        switch (answer.StatusCode)
        {
            case HttpStatusCode.OK:
                return type == wanted ? null : new($"answers, but is no Netlens: {path} is {type}", ExitCodes.Failure);
            case HttpStatusCode.NotFound:
                return new(VersionOf(answer) is { } version && path == Events
                    ? $"has no events to watch: Netlens {version}, {await TextAsync(answer, stop)}"
                    : $"has no {path}: it is an older Netlens, or none", ExitCodes.Failure);
            case HttpStatusCode.BadRequest when type == "text/plain":
                return new(await TextAsync(answer, stop), ExitCodes.Usage);
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden:
                return new("does not let this token in; --token-file or NETLENS_TOKEN has the right one",
                    ExitCodes.Failure);
            case HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests:
                return new($"gives no {path[1..]} now: {await TextAsync(answer, stop)}");
            default:
                return new($"answers {path} with {(int)answer.StatusCode}: it is no Netlens",
                    (int)answer.StatusCode < 500 ? ExitCodes.Failure : null);
        }
    }

    public static PeerEnd Of(Exception fault) => fault switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } e =>
            new($"cannot be talked to over TLS: {Innermost(e).Message.TrimEnd('.')}; --ca-file says whom to trust",
                ExitCodes.Failure),
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } =>
            new("answers, but not in HTTP", ExitCodes.Failure),
        UnauthorizedAccessException => new(fault.Message, ExitCodes.Failure),
        HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } =>
            new("has closed the connection without an answer; a port with TLS wants https://"),
        OperationCanceledException => new("has been silent for too long"),
        HttpIOException or EndOfStreamException => new("has closed the connection"),
        _ => Innermost(fault) is SocketException { SocketErrorCode: SocketError.AccessDenied }
            ? new("lets only root and its own group in", ExitCodes.Failure)
            : new(Innermost(fault).Message),
    };

    /// <summary>The agent's version; null where it says none.</summary>
    public static string? VersionOf(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues(VersionHeader, out var values) ? values.First() : null;

    private static async Task<string> TextAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        await using var stream = await answer.Content.ReadAsStreamAsync(stop);
        var bytes = new byte[LongestText];
        var count = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, stop);
        return System.Text.Encoding.UTF8.GetString(bytes, 0, count).Split('\n')[0].Trim();
    }

    private static Exception Innermost(Exception e) => e.GetBaseException();
}
