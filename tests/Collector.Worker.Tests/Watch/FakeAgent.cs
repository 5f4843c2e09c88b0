using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Collector.Worker.Tests.Watch;

/// <summary>Whatever stands at the other end: a server that answers with the bytes of a test.</summary>
internal sealed class FakeAgent : IDisposable
{
    /// <summary>The beginning of a stream.</summary>
    public const string Stream = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
        + "Date: Wed, 04 Mar 2026 12:00:00 GMT\r\nNetlens-Version: 9.9.9\r\nConnection: close\r\n\r\n";

    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly Func<int, Func<string, Task>, CancellationToken, Task> _answer;
    private readonly List<TcpClient> _clients = [];
    private int _count;

    /// <param name="answer">
    /// Gets the connection's number from 1, and what sends text; the connection ends when it returns.
    /// </param>
    /// <param name="certificate">Talks TLS with it; null: plain.</param>
    public FakeAgent(
        Func<int, Func<string, Task>, CancellationToken, Task> answer, X509Certificate2? certificate = null)
    {
        _answer = answer;
        Certificate = certificate;
        _listener = new(IPAddress.Loopback, 0);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>The same answer to everybody, who is then let go.</summary>
    public FakeAgent(string answer)
        : this((_, send, _) => send(answer))
    {
    }

    /// <summary>Of the connections from now on.</summary>
    public X509Certificate2? Certificate { get; set; }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>The requests with their headers.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>An answer with a body.</summary>
    public static string Page(int status, string type, string body, string headers = "") => string.Create(
        CultureInfo.InvariantCulture, $"HTTP/1.1 {status} X\r\nContent-Type: {type}\r\n{headers}"
            + $"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");

    /// <summary>A line with its end.</summary>
    public static string Event(int number, string kind = "tcpreset.sent", string message = "sent reset",
        string attributes = "", string severity = "WARN") => string.Create(CultureInfo.InvariantCulture,
        $"{{\"seq\":{number},\"time\":\"2026-03-04T12:00:{number % 60:00}.123456789Z\","
            + $"\"observed_time\":\"2026-03-04T12:00:{number % 60:00}.223456789Z\",\"event\":\"netlens.{kind}\","
            + $"\"severity\":\"{severity}\",\"message\":\"{message}\",\"attributes\":{{{attributes}}}}}\n");

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                lock (_clients)
                    _clients.Add(client);
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await using var stream = await OpenAsync(client);
                var head = new StringBuilder();
                var buffer = new byte[4096];
                while (!head.ToString().Contains("\r\n\r\n"))
                {
                    var count = await stream.ReadAsync(buffer, _stop.Token);
                    if (count == 0)
                        return;
                    head.Append(Encoding.ASCII.GetString(buffer, 0, count));
                }
                _requests.Enqueue(head.ToString());
                await _answer(Interlocked.Increment(ref _count),
                    async text => await stream.WriteAsync(Encoding.UTF8.GetBytes(text), _stop.Token), _stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException
                or AuthenticationException)
            {
                // The reader has gone, or the test is over.
            }
        }
    }

    private async Task<Stream> OpenAsync(TcpClient client)
    {
        if (Certificate is null)
            return client.GetStream();
        var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsServerAsync(Certificate);
        return tls;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        lock (_clients)
            _clients.ForEach(c => c.Dispose());
    }
}
