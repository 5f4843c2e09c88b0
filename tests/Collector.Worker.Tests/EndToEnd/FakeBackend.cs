using System.Collections.Concurrent;
using System.Net;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Takes what is posted to it, and says OK.</summary>
internal sealed class FakeBackend : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<(string Path, string Agent, byte[] Body)> _taken = new();

    public FakeBackend()
    {
        Port = FreePort();
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _ = TakeAsync();
    }

    public int Port { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    /// <summary>Time of each push of metrics of probes, which is that of its collection; Unix nanoseconds.</summary>
    public ulong[] Pushes => [.. _taken.Where(t => t.Path == "/v1/metrics" && t.Agent.Contains("Netlens"))
        .Select(t => TimeOf(t.Body)).Where(t => t != 0)];

    public int Logs => _taken.Count(t => t.Path == "/v1/logs");

    public static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose() => _listener.Close();

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _taken.Enqueue((context.Request.Url!.AbsolutePath, context.Request.UserAgent ?? "", body.ToArray()));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The end.
        }
    }

    // resource_metrics = 1, scope_metrics = 2, metrics = 2, then the data and its points = 1, time_unix_nano = 3.
    private static ulong TimeOf(ReadOnlySpan<byte> request)
    {
        var metric = First(First(First(request, 1), 2), 2);
        var reader = new ProtoReader(metric);
        while (reader.Next())
        {
            if (reader.Field is not (5 or 7 or 9) || First(reader.Bytes, 1) is not { IsEmpty: false } point)
                continue;
            var field = new ProtoReader(point);
            while (field.Next())
            {
                if (field.Field == 3)
                    return field.Number;
            }
        }
        return 0;
    }

    private static ReadOnlySpan<byte> First(ReadOnlySpan<byte> message, int field)
    {
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Field == field)
                return reader.Bytes;
        }
        return default;
    }
}
