using System.Net.Http;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Client;
using Client = Collector.Linux.Pods.Cri.RuntimeService.RuntimeServiceClient;

namespace Collector.Linux.Pods.Cri;

/// <summary>The Container Runtime Interface over a unix socket: the generated client with deadlines.</summary>
/// <remarks>
/// No keep-alive pings: Go's server ends connections that ping more often than every five minutes. The channel connects
/// again by itself after the runtime was restarted.
/// </remarks>
internal sealed class CriClient : IDisposable
{
    /// <summary>What containerd sends at most: some 40,000 sandboxes.</summary>
    private const int LargestMessage = 16 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private readonly string _socket;
    private readonly CriErrors _errors;
    private readonly GrpcChannel _channel;
    private readonly Client _client;

    public CriClient(string socket)
    {
        _socket = socket;
        _errors = new CriErrors(socket, Deadline);
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            UseProxy = false,
            AllowAutoRedirect = false,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = Deadline,
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = new CriAnswers(handler),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = LargestMessage,
            // None: how far a small message unpacks nobody limits.
            CompressionProviders = [],
            ThrowOperationCanceledOnCancellation = true,
        });
        _client = new Client(_channel);
    }

    /// <summary>One question, one answer.</summary>
    /// <exception cref="CriException">No runtime there, it speaks something else, or it refused.</exception>
    public async Task<T> CallAsync<T>(
        string method, Func<Client, CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancel)
    {
        // Not the call's own deadline, which is a time of day: a clock that is set back would put it off.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        ended.CancelAfter(Deadline);
        var options = new CallOptions(cancellationToken: ended.Token);
        using var answer = call(_client, options);
        return await Guarded(method, answer.ResponseAsync, cancel).ConfigureAwait(false);
    }

    /// <summary>What happens to containers, until the runtime ends it.</summary>
    /// <exception cref="CriException">As for <see cref="CallAsync"/>; also when the stream breaks.</exception>
    public async IAsyncEnumerable<ContainerEventResponse> EventsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        // Headers come with the first message: no deadline for them.
        using var call = _client.GetContainerEvents(new GetEventsRequest(), cancellationToken: cancel);
        var events = call.ResponseStream;
        while (await Guarded("GetContainerEvents", events.MoveNext(cancel), cancel).ConfigureAwait(false))
            yield return events.Current;
    }

    private async Task<T> Guarded<T>(string method, Task<T> work, CancellationToken cancel)
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            throw _errors.Of(method, e);
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _channel.Dispose();
}
