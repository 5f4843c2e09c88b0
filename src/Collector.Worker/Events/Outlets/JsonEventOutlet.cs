using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;

namespace Collector.Worker.Events.Outlets;

/// <summary>Where lines go: standard output, or a file.</summary>
internal interface ILineTarget : IDisposable
{
    /// <summary>Writes whole lines; with none, only opens what has to be open.</summary>
    /// <exception cref="IOException">None of them is there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for want of a right.</exception>
    void Write(ReadOnlySpan<byte> lines);
}

/// <summary>
/// Events as JSON lines. What cannot be written is lost: the outlet tells the first failure of a row, and the recovery.
/// </summary>
internal sealed class JsonEventOutlet(ILineTarget target, ILogger log) : IEventOutlet
{
    private readonly EventJson _json = new();
    private bool _failing;

    public static JsonEventOutlet Create(string where, ILogger log) => new(
        where == EventOptions.StandardOutput ? new StandardOutput()
        : SpecialFile.IsPipe(where) ? new EventPipe(where)
        : new EventFile(where), log);

    public string Name => "json";

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        try
        {
            target.Write(_json.Write(batch));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            if (!_failing)
                EventLog.CannotWrite(log, target.ToString()!, e.Message);
            _failing = true;
            return 0;
        }
        if (_failing && batch.Length > 0)
        {
            EventLog.WritesAgain(log, target.ToString()!);
            _failing = false;
        }
        return batch.Length;
    }

    public void Dispose()
    {
        target.Dispose();
        _json.Dispose();
    }
}
