using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Backends.Tests;

/// <summary>
/// A server that looks at the headers only, refuses what is too large, and closes at once: what of the body is
/// underway makes the kernel answer with a reset, which destroys the refusal. What it takes goes on to a receiver.
/// </summary>
internal sealed class HastyServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly HttpClient _forward = new();
    private readonly Uri _receiver;
    private readonly int _most;
    private readonly bool _knowsExpect;

    /// <param name="receiver">Gets what is taken.</param>
    /// <param name="most">Bytes of a body.</param>
    /// <param name="knowsExpect">False: who asks first is answered 417.</param>
    public HastyServer(Receiver receiver, int most, bool knowsExpect = true)
    {
        (_receiver, _most, _knowsExpect) = (receiver.Http, most, knowsExpect);
        // Or a body of some megabytes would fit into the two sockets, and sending it would not fail.
        _listener.Server.ReceiveBufferSize = 4096;
        _listener.Start();
        _ = ServeAsync();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    /// <summary>The status of each answer; behind one that was asked for ahead of the body, a question mark.</summary>
    public ConcurrentQueue<string> Answers { get; } = new();

    /// <summary>So many requests are cut off whatever their size.</summary>
    public int Cuts { get; set; }

    public void Dispose()
    {
        _listener.Dispose();
        _forward.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var one = client;
        var stream = client.GetStream();
        try
        {
            while (await HeadersAsync(stream) is { } headers && await AnswerAsync(client, stream, headers))
            {
                // The next request on the same connection.
            }
        }
        catch (IOException)
        {
            // Whoever it was went away.
        }
    }

    private static async Task<string?> HeadersAsync(NetworkStream stream)
    {
        var headers = new StringBuilder();
        var one = new byte[1];
        while (!headers.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0)
                return null;
            headers.Append((char)one[0]);
        }
        return headers.ToString();
    }

    private async Task<bool> AnswerAsync(TcpClient client, NetworkStream stream, string headers)
    {
        var length = int.Parse(Header(headers, "content-length")!, CultureInfo.InvariantCulture);
        var asked = Header(headers, "expect") is not null;
        if (asked && !_knowsExpect)
            return await SayAsync(stream, "417", "?");
        if (length > _most || --Cuts >= 0)
        {
            // The body is on its way, and nobody is going to read it.
            while (!asked && client.Available == 0)
                await Task.Delay(1);
            await SayAsync(stream, length > _most ? "413" : "503", asked ? "?" : "");
            return false;
        }
        if (asked)
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
        var body = new byte[length];
        await stream.ReadExactlyAsync(body);
        using var content = new ByteArrayContent(body);
        content.Headers.Add("Content-Type", Header(headers, "content-type"));
        (await _forward.PostAsync(new Uri(_receiver, headers.Split(' ')[1]), content)).EnsureSuccessStatusCode();
        return await SayAsync(stream, "200", asked ? "?" : "");
    }

    private async Task<bool> SayAsync(NetworkStream stream, string status, string asked)
    {
        Answers.Enqueue(status + asked);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        return true;
    }

    private static string? Header(string headers, string name) => headers.Split("\r\n")
        .FirstOrDefault(l => l.StartsWith($"{name}:", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
}
