using Collector.Worker.Events.Outlets;
using Collector.Worker.Recorder;

namespace Collector.Worker.Http;

/// <summary>
/// Events as lines of JSON, each made once for all readers that keep up. Who is further behind has its own made.
/// </summary>
internal sealed class EventLines : IDisposable
{
    private const int Kept = 256;

    private readonly Lock _lock = new();
    private readonly EventJson _json = new();
    private readonly (ulong Number, byte[] Line)[] _kept = new (ulong, byte[])[Kept];

    public byte[] Of(in NumberedEvent e)
    {
        lock (_lock)
        {
            ref var place = ref _kept[e.Number % Kept];
            if (place.Number == e.Number)
                return place.Line;
            var line = _json.Write(e.Event, e.Number).ToArray();
            if (place.Number < e.Number)
                place = (e.Number, line);
            return line;
        }
    }

    /// <summary>Nobody reads any more.</summary>
    public void Clear()
    {
        lock (_lock)
            Array.Clear(_kept);
    }

    public void Dispose() => _json.Dispose();
}
