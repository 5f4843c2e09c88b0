using System.Buffers;
using System.Globalization;
using System.Text;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Reads what servers answer. Nothing in an answer is trusted: sizes are bounded, texts are made printable.
/// </summary>
internal static class OtlpResponse
{
    /// <summary>Answers hold a count and a sentence. Whatever is longer is not one.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int MaxText = 300;

    /// <summary>
    /// How gRPC for Go and C++, Java and .NET, and Go's HTTP server say that a message is larger than they take.
    /// </summary>
    private static readonly SearchValues<string> TooLarge = SearchValues.Create(
        ["larger than max", "exceeds maximum size", "exceeds the maximum configured message size", "body too large"],
        StringComparison.OrdinalIgnoreCase);

    /// <summary>The body, or null when it is longer than <see cref="MaxBytes"/>.</summary>
    /// <param name="content">Where it comes from.</param>
    /// <param name="toItsEnd">Reads on, for nothing, for the sake of the trailers behind it.</param>
    /// <param name="cancel">Ends the patience.</param>
    public static async Task<byte[]?> ReadAsync(HttpContent content, bool toItsEnd, CancellationToken cancel)
    {
        using var stream = await content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var buffer = new byte[1024];
        var length = 0;
        int read;
        while ((read = await stream.ReadAsync(buffer.AsMemory(length), cancel).ConfigureAwait(false)) > 0)
        {
            length += read;
            if (length > MaxBytes)
            {
                if (toItsEnd)
                    await stream.CopyToAsync(Stream.Null, cancel).ConfigureAwait(false);
                return null;
            }
            if (length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(buffer.Length * 4, MaxBytes + 1));
        }
        return buffer[..length];
    }

    /// <summary>Export*ServiceResponse: accepted, perhaps less some points.</summary>
    public static OtlpResult Accepted(ReadOnlySpan<byte> message)
    {
        var response = new ProtoReader(message);
        long rejected = 0;
        var text = "";
        while (response.Next())
        {
            if (response.Field != OtlpFields.ResponsePartialSuccess)
                continue;
            var partial = new ProtoReader(response.Bytes);
            while (partial.Next())
            {
                if (partial.Field == OtlpFields.PartialRejected)
                    rejected = Math.Max(0, unchecked((long)partial.Number));
                else if (partial.Field == OtlpFields.PartialMessage)
                    text = Printable(partial.Text);
            }
            if (partial.Malformed)
                return new OtlpResult(OtlpFailure.BadResponse, "partial_success cannot be decoded");
        }
        return response.Malformed
            ? new OtlpResult(OtlpFailure.BadResponse, "the answer is not an OTLP response")
            : new OtlpResult(null, text, rejected);
    }

    /// <summary>message of a google.rpc.Status; empty when it is none.</summary>
    public static string StatusMessage(ReadOnlySpan<byte> status)
    {
        var fields = new ProtoReader(status);
        var text = "";
        while (fields.Next())
        {
            if (fields.Field == 2)
                text = Printable(fields.Text);
        }
        return fields.Malformed ? "" : text;
    }

    public static bool IsTooLarge(string message) => message.AsSpan().ContainsAny(TooLarge);

    /// <summary>retry_delay of the google.rpc.RetryInfo within a google.rpc.Status, null when there is none.</summary>
    public static TimeSpan? RetryDelay(ReadOnlySpan<byte> status)
    {
        var fields = new ProtoReader(status);
        while (fields.Next())
        {
            if (fields.Field != 3)
                continue;
            var any = new ProtoReader(fields.Bytes);
            var isRetryInfo = false;
            while (any.Next())
            {
                if (any.Field == 1)
                    isRetryInfo = any.Text.EndsWith("/google.rpc.RetryInfo", StringComparison.Ordinal);
                else if (any.Field == 2 && isRetryInfo)
                    return Delay(any.Bytes);
            }
        }
        return null;
    }

    /// <summary>
    /// Retry-After: seconds or a date (RFC 9110, section 10.2.3), which counts from the server's own where it tells it.
    /// </summary>
    public static TimeSpan? RetryAfter(HttpResponseMessage response, DateTimeOffset now) =>
        response.Headers.RetryAfter switch
        {
            { Delta: { } seconds } => seconds,
            { Date: { } date } => After(response.Headers.Date ?? now, date),
            _ => null,
        };

    private static TimeSpan After(DateTimeOffset now, DateTimeOffset date) =>
        date > now ? date - now : TimeSpan.Zero;

    /// <summary>The text of a header that a server may have filled with anything.</summary>
    public static string Printable(string text)
    {
        var printable = new StringBuilder(Math.Min(text.Length, MaxText));
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, MaxText)))
            printable.Append(char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format ? ' ' : c);
        return printable.ToString();
    }

    /// <summary>RetryInfo { Duration retry_delay = 1 { int64 seconds = 1; int32 nanos = 2 } }</summary>
    private static TimeSpan Delay(ReadOnlySpan<byte> retryInfo)
    {
        double seconds = 0;
        var info = new ProtoReader(retryInfo);
        while (info.Next())
        {
            var duration = new ProtoReader(info.Bytes);
            while (info.Field == 1 && duration.Next())
                seconds += unchecked((long)duration.Number) * (duration.Field == 1 ? 1 : 1e-9);
        }
        return TimeSpan.FromSeconds(Math.Clamp(seconds, 0, TimeSpan.FromDays(10_000).TotalSeconds));
    }
}
