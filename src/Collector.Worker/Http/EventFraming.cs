using System.Buffers;
using System.Globalization;
using System.Text;
using Collector.Worker.Recorder;

namespace Collector.Worker.Http;

/// <summary>How the lines of events stand in a stream.</summary>
internal abstract class EventFraming
{
    public static EventFraming Ndjson { get; } = new NdjsonFraming();

    public static EventFraming Sse { get; } = new SseFraming();

    public abstract string ContentType { get; }

    /// <param name="to">Gets it.</param>
    /// <param name="e">The event.</param>
    /// <param name="line">The same as one line of JSON.</param>
    public abstract void Event(IBufferWriter<byte> to, in NumberedEvent e, ReadOnlySpan<byte> line);

    /// <summary>So many events are gone.</summary>
    public abstract void Lost(IBufferWriter<byte> to, ulong events);

    /// <summary>Something that means nothing: the stream lives.</summary>
    public abstract void Silence(IBufferWriter<byte> to);

    private static void Write(IBufferWriter<byte> to, string text) => Encoding.UTF8.GetBytes(text, to);

    private static string LostLine(ulong events) =>
        string.Create(CultureInfo.InvariantCulture, $"{{\"lost\":{events}}}");

    private sealed class NdjsonFraming : EventFraming
    {
        public override string ContentType => "application/x-ndjson";

        public override void Event(IBufferWriter<byte> to, in NumberedEvent e, ReadOnlySpan<byte> line)
        {
            to.Write(line);
            to.Write("\n"u8);
        }

        public override void Lost(IBufferWriter<byte> to, ulong events) => Write(to, LostLine(events) + "\n");

        public override void Silence(IBufferWriter<byte> to) => to.Write("\n"u8);
    }

    /// <summary>Server-sent events, as the HTML standard has them.</summary>
    private sealed class SseFraming : EventFraming
    {
        public override string ContentType => "text/event-stream";

        public override void Event(IBufferWriter<byte> to, in NumberedEvent e, ReadOnlySpan<byte> line)
        {
            Write(to, string.Create(
                CultureInfo.InvariantCulture, $"id: {e.Number}\nevent: {e.Event.Info.Name}\ndata: "));
            to.Write(line);
            to.Write("\n\n"u8);
        }

        public override void Lost(IBufferWriter<byte> to, ulong events) =>
            Write(to, $"event: lost\ndata: {LostLine(events)}\n\n");

        public override void Silence(IBufferWriter<byte> to) => to.Write(":\n\n"u8);
    }
}
