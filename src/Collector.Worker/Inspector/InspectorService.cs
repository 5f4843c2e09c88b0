using System.Globalization;
using Collector.Worker.Recorder;
using Grpc.Core;

namespace Collector.Worker.Inspector;

/// <summary>The inspector's interface: new events for as long as the client reads.</summary>
/// <param name="ring">Where they are.</param>
/// <param name="nodeName">What the node is called.</param>
/// <param name="patience">After so long without taking anything a client is cut.</param>
/// <param name="stopping">The server stops: all streams end.</param>
internal sealed class InspectorService(
    EventRing ring, Func<string> nodeName, TimeSpan patience, CancellationToken stopping)
    : inspector.inspectorBase
{
    public override Task<QueryMetricResponse> QueryMetric(QueryMetricRequest request, ServerCallContext context) =>
        Task.FromResult(new QueryMetricResponse());

    public override async Task WatchEvent(
        WatchRequest request, IServerStreamWriter<WatchReply> responseStream, ServerCallContext context)
    {
        if (!ring.IsOpen)
            throw new RpcException(new(StatusCode.Unavailable, "events are off (events.enabled, events.recent)"));
        if (!ring.Readers.TryEnter())
            throw new RpcException(new(StatusCode.ResourceExhausted, "too many read events"));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        try
        {
            var cursor = ring.Begin(null); // A client that has the headers misses nothing from then on.
            await context.WriteResponseHeadersAsync([]);
            await Send(cursor, Filter(request), request.Name, responseStream, end.Token);
        }
        catch (TimeoutException)
        {
            ring.Readers.CountCut();
            context.GetHttpContext().Abort();
        }
        catch (OperationCanceledException)
        {
            // The client is gone, or the agent stops.
        }
        finally
        {
            ring.Readers.Leave();
        }
    }

    private async Task Send(
        EventCursor cursor, EventFilter filter, string name, IServerStreamWriter<WatchReply> stream,
        CancellationToken end)
    {
        var node = nodeName();
        var batch = new NumberedEvent[64];
        while (true)
        {
            var count = cursor.Read(batch, out var lost);
            if (lost > 0)
                await Write(InspectorReply.Lost(lost, node));
            for (var i = 0; i < count; i++)
            {
                if (filter.Matches(batch[i].Event) && InspectorReply.Of(batch[i].Event, node) is var reply
                    && (name.Length == 0 || reply.Name == name))
                    await Write(reply);
            }
            Array.Clear(batch, 0, count);
            if (count > 0)
                continue;
            if (!ring.IsOpen)
                return;
            await cursor.NewsAsync().WaitAsync(end);
        }

        Task Write(WatchReply reply) => stream.WriteAsync(reply, CancellationToken.None).WaitAsync(patience, end);
    }

    /// <summary>The original took it and sent everything.</summary>
    private static EventFilter Filter(WatchRequest request) => request.Filter is not { } meta
        ? EventFilter.Everything
        : new()
        {
            Pods = meta.Pod.Length == 0 && meta.Namespace.Length == 0
                ? []
                : [new(Known(meta.Namespace), Known(meta.Pod))],
            Netns = meta.Netns.Length == 0 ? [] : [NetnsPattern.Of(WithoutPrefix(meta.Netns))],
        };

    private static string? Known(string text) => text.Length == 0 ? null : text;

    private static string WithoutPrefix(string netns) =>
        netns.StartsWith("ns", StringComparison.Ordinal)
        && ulong.TryParse(netns.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? netns[2..]
            : netns;
}
