using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

internal enum Verdict
{
    /// <summary>The server has it.</summary>
    Taken,

    /// <summary>The server will not take it, now or later.</summary>
    Refused,

    /// <summary>The server will not take so much at once.</summary>
    TooLarge,

    /// <summary>Another attempt may succeed.</summary>
    Later,
}

/// <summary>What a server said to one request.</summary>
/// <param name="Verdict">In a word.</param>
/// <param name="Detail">For people.</param>
/// <param name="RetryAfter">How long it wants to be left alone.</param>
/// <param name="Nevertheless">So many it has taken of a request that it refused.</param>
internal readonly record struct Answer(
    Verdict Verdict, string Detail = "", TimeSpan? RetryAfter = null, int Nevertheless = 0)
{
    public static Answer Taken { get; } = new(Verdict.Taken);
}

/// <summary>
/// Sends a batch in as many requests as the server's limit on their size makes necessary, and keeps that in mind.
/// </summary>
internal sealed class InParts(Func<ReadOnlyMemory<NetworkEvent>, CancellationToken, Answer> request)
{
    private int _most = OutletQueue.LargestBatch;

    public SendResult Send(ReadOnlyMemory<NetworkEvent> batch, CancellationToken stop)
    {
        var (settled, refused, trouble) = (0, 0, "");
        while (settled < batch.Length)
        {
            var part = batch.Slice(settled, Math.Min(_most, batch.Length - settled));
            var answer = request(part, stop);
            if (answer.Verdict == Verdict.Later)
                return new(settled, refused, answer.Detail, answer.RetryAfter);
            if (answer.Verdict == Verdict.TooLarge && part.Length > 1)
            {
                _most = part.Length / 2;
                continue;
            }
            settled += part.Length;
            if (answer.Verdict == Verdict.Taken)
                continue;
            refused += part.Length - answer.Nevertheless;
            trouble = answer.Detail;
            // One event alone that is too large says nothing of the size of the others.
            if (answer.Verdict == Verdict.TooLarge)
                _most = OutletQueue.LargestBatch;
        }
        return new(settled, refused, trouble);
    }
}
