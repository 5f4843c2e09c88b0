using System.Net;

namespace Collector.ScaleRun;

/// <summary>An OTLP backend that takes everything and keeps nothing.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private const int Port = 4318;
    private readonly HttpListener _listener = new();
    private readonly Task _serving;

    public Backend()
    {
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _serving = Serve();
    }

    public Uri Address { get; } = new($"http://127.0.0.1:{Port}/");

    private async Task Serve()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                await context.Request.InputStream.CopyToAsync(Stream.Null);
                // An empty message: all of it was taken.
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
            {
                // Netlens, or the run, has ended.
                continue;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }
}
