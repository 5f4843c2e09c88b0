using System.Net;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Asks a server whether it takes a body (Expect: 100-continue, RFC 9110 section 10.1.1) after one broke off while it
/// was sent. Some refuse a body for its size and close before they have read it: the reset that follows destroys their
/// answer (413), and only who has not sent anything yet gets to read it.
/// </summary>
/// <remarks>HTTP/1 only: HTTP/2 answers a stream without breaking the connection.</remarks>
internal sealed class AskingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>Smaller bodies fit into what a server reads with the headers.</summary>
    private const int Small = 4096;

    private volatile bool _asks;

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var asks = Ask(request);
        try
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            return asks && IsUnasked(request, response)
                ? await base.SendAsync(request, cancellationToken).ConfigureAwait(false)
                : Judged(response);
        }
        catch (HttpRequestException e) when (IsBroken(e))
        {
            _asks = true;
            throw;
        }
    }

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var asks = Ask(request);
        try
        {
            var response = base.Send(request, cancellationToken);
            return asks && IsUnasked(request, response) ? base.Send(request, cancellationToken) : Judged(response);
        }
        catch (HttpRequestException e) when (IsBroken(e))
        {
            _asks = true;
            throw;
        }
    }

    private bool Ask(HttpRequestMessage request)
    {
        if (!_asks || request.Version.Major > 1 || request.Content?.Headers.ContentLength is not > Small)
            return false;
        request.Headers.ExpectContinue = true;
        return true;
    }

    /// <summary>True for a server that will not be asked: it gets the request as it was.</summary>
    private static bool IsUnasked(HttpRequestMessage request, HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.ExpectationFailed)
            return false;
        response.Dispose();
        request.Headers.ExpectContinue = false;
        return true;
    }

    private HttpResponseMessage Judged(HttpResponseMessage response)
    {
        if (response.IsSuccessStatusCode)
            _asks = false;
        return response;
    }

    private static bool IsBroken(HttpRequestException e) => e.HttpRequestError
        is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError);
}
