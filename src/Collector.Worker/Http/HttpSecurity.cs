using Collector.Worker.Configuration;

namespace Collector.Worker.Http;

/// <summary>Who may ask, and by which certificate the server shows itself.</summary>
internal sealed class HttpSecurity
{
    private readonly ILogger _log;
    private string? _warned;

    /// <exception cref="HttpFileException">A file is no use.</exception>
    public HttpSecurity(HttpOptions options, HttpStatistics statistics, ILogger log, TimeProvider time)
    {
        _log = log;
        Statistics = statistics;
        Token = BearerToken.Of(options, time);
        Certificate = ServerCertificate.Of(options, time);
        if (Token?.File is { } file)
        {
            file.OnFault = fault => { statistics.CountFailedRead(); HttpLog.TokenUnreadable(log, fault); };
            file.OnRenewed = () => HttpLog.TokenRenewed(log);
        }
        if (Certificate is { Files: var files } certificate)
        {
            files.OnFault = fault => { statistics.CountFailedRead(); HttpLog.CertificateKept(log, fault); };
            files.OnRenewed = () => HttpLog.CertificateRenewed(log, $"{certificate.End:u}");
        }
    }

    public HttpStatistics Statistics { get; }

    /// <summary>Null where none is asked for.</summary>
    public BearerToken? Token { get; }

    /// <summary>Null without TLS.</summary>
    public ServerCertificate? Certificate { get; }

    /// <summary>What is wrong with the files now, or with the certificate's time; null when nothing is.</summary>
    public string? Fault => Token?.File?.Fault ?? Certificate?.Files.Fault
        ?? (Certificate?.OutOfTime is { } time ? $"http.certificate: it {time}" : null);

    /// <summary>Looks at the files though nobody asks, and says once when the certificate's time is over.</summary>
    public void Look()
    {
        Token?.File?.Look();
        if (Certificate is null)
            return;
        Certificate.Files.Look();
        var warning = Certificate.OutOfTime;
        if (warning is not null && warning != _warned)
            HttpLog.CertificateOutOfTime(_log, warning);
        _warned = warning;
    }

    /// <summary>
    /// Middleware after routing: who comes over the network has to show the token, for whatever is not marked as
    /// anybody's, a path that does not exist included.
    /// </summary>
    public Task AuthorizeAsync(HttpContext context, RequestDelegate next)
    {
        if (Token is null || ClientConnection.Of(context)?.IsLocal == true
            || context.GetEndpoint()?.Metadata.GetMetadata<ForAnybody>() is not null)
        {
            return next(context);
        }
        var verdict = Token.Judge(context.Request.Headers.Authorization);
        if (verdict == TokenVerdict.Right)
            return next(context);
        Statistics.CountRefused(verdict);
        if (verdict == TokenVerdict.Unknown)
        {
            context.Response.Headers.RetryAfter = "5";
            return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
                "no token can be checked now: the agent's log says why\n");
        }
        // RFC 6750, 3: a request without a token gets no error code.
        context.Response.Headers.WWWAuthenticate = verdict == TokenVerdict.Missing
            ? "Bearer realm=\"netlens\""
            : "Bearer realm=\"netlens\", error=\"invalid_token\"";
        return PlainText.WriteAsync(context, StatusCodes.Status401Unauthorized, "a bearer token is needed\n");
    }
}

/// <summary>Marks an endpoint that asks for no token: what it tells is no secret, and a kubelet has none.</summary>
internal sealed class ForAnybody
{
    public static ForAnybody Mark { get; } = new();
}
