using System.Diagnostics;
using Collector.Worker.Tls;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Follows the files of certificates: where they say something else, new connections are made with that. They are
/// looked at when something is sent, once a second at most or after a handshake that failed, and by content. While they
/// are no use, connections are made as before.
/// </summary>
internal sealed class RenewingHandler : HttpMessageHandler
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly Lock _looking = new();
    private readonly OtlpSignalSettings _settings;
    private readonly Func<HttpMessageHandler> _make;
    private volatile HttpMessageInvoker _current;
    private int _mark;
    private long _looked;
    private volatile bool _suspect;

    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public RenewingHandler(OtlpSignalSettings settings, Func<HttpMessageHandler> make)
    {
        (_settings, _make) = (settings, make);
        _mark = Mark(); // Before they are used: what changes in between is seen.
        _current = new(make());
        _looked = Stopwatch.GetTimestamp();
        CertificateRenewal.Follow();
    }

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Look();
        try
        {
            return _current.Send(request, cancellationToken);
        }
        catch (HttpRequestException e) when (IsUntrusted(e))
        {
            _suspect = true;
            throw;
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Look();
        try
        {
            return await _current.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (IsUntrusted(e))
        {
            _suspect = true;
            throw;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _current.Dispose();
        base.Dispose(disposing);
    }

    private static bool IsUntrusted(HttpRequestException e) =>
        e.HttpRequestError == HttpRequestError.SecureConnectionError;

    private void Look()
    {
        if (!_looking.TryEnter())
            return;
        try
        {
            if (!_suspect && Stopwatch.GetElapsedTime(_looked) < Rest)
                return;
            _suspect = false;
            _looked = Stopwatch.GetTimestamp();
            var mark = Mark();
            if (mark != _mark)
                Renew(mark);
            _mark = mark;
        }
        finally
        {
            _looking.Exit();
        }
    }

    private void Renew(int mark)
    {
        try
        {
            // Requests under way end on the connections that they have, which are closed when they are idle.
            _current = new(_make());
            CertificateRenewal.Renewed(Files, mark);
        }
        catch (InvalidOperationException e)
        {
            CertificateRenewal.Kept(Files, $"{OtlpTls.OriginOf(e)}: {e.Message}", mark);
        }
    }

    private string Files => string.Join(", ", _settings.Files);

    private int Mark()
    {
        var hash = new HashCode();
        foreach (var file in _settings.Files)
        {
            try
            {
                hash.Add(Pem.Read(file));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                hash.Add(e.GetType());
            }
        }
        return hash.ToHashCode();
    }
}
