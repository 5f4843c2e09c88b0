using System.Diagnostics;
using Collector.Linux.Pods.Cri;
using Grpc.Core;
using Client = Collector.Linux.Pods.Cri.RuntimeService.RuntimeServiceClient;

namespace Collector.Linux.Pods;

/// <summary>
/// The conversation with the runtime that is there now: one socket, the calls, and what they took. Belongs to the
/// watcher's task, whose calls may run side by side.
/// </summary>
internal sealed class RuntimeSession(PodStatistics statistics) : IDisposable
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private CriClient? _client;

    /// <summary>Where it is; null while there is none.</summary>
    public string? Socket { get; private set; }

    /// <summary>Name and version of the runtime; null while none answers.</summary>
    public string? Runtime { get; private set; }

    /// <summary>Turns to a socket, and asks who is there.</summary>
    /// <exception cref="CriException">Nobody who speaks CRI.</exception>
    public async Task ConnectAsync(string socket, CancellationToken stop)
    {
        if (_client is null || socket != Socket)
        {
            _client?.Dispose();
            _client = new CriClient(socket);
            Socket = socket;
        }
        var version = await CallAsync("Version", static (c, o) => c.VersionAsync(new VersionRequest(), o), stop)
            .ConfigureAwait(false);
        Runtime = $"{Printable(version.RuntimeName.Text())} {Printable(version.RuntimeVersion.Text())}";
        statistics.Connected = true;
    }

    /// <summary>There is no socket to turn to.</summary>
    public void Forget() => Socket = null;

    /// <summary>It does not answer as it should.</summary>
    public void Lose()
    {
        statistics.Connected = false;
        Runtime = null;
    }

    /// <exception cref="CriException">The runtime refused, or did not answer.</exception>
    public async Task<T> CallAsync<T>(
        string method, Func<Client, CallOptions, AsyncUnaryCall<T>> call, CancellationToken stop)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            return await _client!.CallAsync(method, call, stop).ConfigureAwait(false);
        }
        catch (CriException e)
        {
            statistics.Failed(method, e.Reason);
            throw;
        }
        finally
        {
            statistics.Called(method, Stopwatch.GetElapsedTime(start));
        }
    }

    /// <summary>
    /// Listens to events until told to stop. What happened is of no interest: the list says what there is.
    /// </summary>
    /// <param name="changed">Called for each event.</param>
    /// <param name="say">Gets a line where there is nothing to listen to.</param>
    /// <param name="stop">Ends it.</param>
    public async Task ListenAsync(Action changed, Action<string> say, CancellationToken stop)
    {
        const string Method = "GetContainerEvents";
        var pause = ShortestPause;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                statistics.Called(Method, TimeSpan.Zero);
                await foreach (var _ in _client!.EventsAsync(stop).ConfigureAwait(false))
                {
                    pause = ShortestPause;
                    changed();
                }
                statistics.Failed(Method, "ended");
            }
            catch (CriException e)
            {
                statistics.Failed(Method, e.Reason);
                if (e.Reason == "unimplemented")
                {
                    say($"pods.events: {Runtime} has no event stream; the list is enough");
                    return;
                }
            }
            await Task.Delay(pause, stop).ConfigureAwait(false);
            pause = pause < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private static string Printable(string text) =>
        new([.. text.Take(64).Select(c => c is > ' ' and < '\u007f' ? c : '_')]);

    public void Dispose() => _client?.Dispose();
}
