using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Probes.Common;

namespace Collector.FaultMatrix;

/// <summary>
/// Requests and answers between two namespaces in which nothing is wrong: at a constant rate, most over connections
/// that are kept, now and then over a new one that is closed in order.
/// </summary>
internal sealed class HealthyTraffic : IDisposable
{
    public const int PerSecond = 1000;

    private const int Askers = 8;
    private const int RequestsPerConnection = 100;

    private static readonly byte[] Request = "GET /healthy HTTP/1.1\r\nHost: server\r\n\r\n"u8.ToArray();
    private static readonly byte[] Answer =
        [.. "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n"u8, .. new byte[1024]];

    private readonly FaultPair _pair;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private readonly Task[] _asking;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _answered;

    public HealthyTraffic(ProbeHost host)
    {
        // Faults take the first places.
        _pair = new FaultPair(host, FaultPair.MostBeside - 1);
        _listener = _pair.Server.Listen(FaultPair.Port, 128);
        _accepting = AcceptAsync();
        _asking = [.. Enumerable.Range(0, Askers).Select(n => Task.Run(() => AskAsync(n)))];
    }

    /// <summary>Inode numbers of both namespaces.</summary>
    public ulong[] Inodes => [_pair.Client.Inode, _pair.Server.Inode];

    /// <summary>Answers per second until now.</summary>
    public double Rate => Interlocked.Read(ref _answered) / Stopwatch.GetElapsedTime(_start).TotalSeconds;

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                serving.RemoveAll(static t => t.IsCompletedSuccessfully);
                serving.Add(ServeAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving);
        }
    }

    private static async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            var buffer = new byte[Request.Length];
            while (await TryReadAsync(socket, buffer))
                await socket.SendAsync(Answer);
        }
    }

    private async Task AskAsync(int number)
    {
        var buffer = new byte[Answer.Length];
        for (var i = 0L; !_stop.IsCancellationRequested;)
        {
            using var socket = _pair.Client.Run(static () =>
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
            await socket.ConnectAsync(new IPEndPoint(_pair.ServerAddress, FaultPair.Port));
            for (var n = 0; n < RequestsPerConnection && !_stop.IsCancellationRequested; n++, i++)
            {
                await DueAsync((i * Askers) + number);
                await socket.SendAsync(Request);
                if (!await TryReadAsync(socket, buffer))
                    throw new IOException("the healthy server closed a connection");
                Interlocked.Increment(ref _answered);
            }
            // The server closes then, and nothing is under way.
            socket.Shutdown(SocketShutdown.Send);
            if (await TryReadAsync(socket, buffer))
                throw new IOException("the healthy server sent more than was asked for");
        }
    }

    private async Task DueAsync(long request)
    {
        var due = TimeSpan.FromSeconds((double)request / PerSecond);
        while (due - Stopwatch.GetElapsedTime(_start) is var left && left > TimeSpan.Zero)
            await Task.Delay(left < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : left);
    }

    // False: it was closed before the first byte.
    private static async Task<bool> TryReadAsync(Socket socket, byte[] buffer)
    {
        for (var read = 0; read < buffer.Length;)
        {
            var more = await socket.ReceiveAsync(buffer.AsMemory(read));
            if (more == 0)
                return read == 0 ? false : throw new IOException("a healthy connection ended within a message");
            read += more;
        }
        return true;
    }

    /// <exception cref="IOException">Something was wrong with it: the run says nothing.</exception>
    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            Task.WhenAll([.. _asking, _accepting]).GetAwaiter().GetResult();
        }
        finally
        {
            _pair.Dispose();
            _stop.Dispose();
        }
    }
}
