using System.Buffers.Binary;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// An event as bytes that another version of the program can read: a protobuf message whose fields keep their numbers,
/// with all that outlets need of its kind, which that version may not have.
/// </summary>
internal static class EventCodec
{
    private const int Name = 1;
    private const int Severity = 2;
    private const int Time = 3;
    private const int ObservedTime = 4;
    private const int Message = 5;
    private const int Subject = 6;
    private const int Process = 7;
    private const int Tuple = 8;
    private const int Field = 9;
    private const int Start = 10;
    private const int Stack = 11;
    private const int HeldBack = 12;
    private const int Summary = 13;
    private const int Station = 14;
    private const int Description = 15;
    private const int UsualSeverity = 16;
    private const int IsTimed = 17;
    private const int Rootless = 18;
    private const int Trace = 19;
    private const int TraceLength = 24;

    public static void Write(NetworkEvent e, ProtoBuffer to)
    {
        to.Text(Name, e.Info.Name);
        to.Integer(Severity, (int)e.Severity);
        to.Integer(UsualSeverity, (int)e.Info.Severity);
        to.Integer(IsTimed, e.Info.IsTimed ? 1 : 0);
        to.Text(Description, e.Info.Description);
        to.Integer(Time, e.Time);
        to.Integer(ObservedTime, e.ObservedTime);
        to.Text(Message, e.Message);
        if (e.Subject is { } subject)
            Nested(to, Subject, () => SubjectCodec.Write(subject, to));
        if (e.Process is { } process)
            Nested(to, Process, () => Write(process, to));
        if (e.Tuple is { } tuple)
            Nested(to, Tuple, () => Write(tuple, to));
        for (var i = 0; i < e.Info.Fields.Count; i++)
        {
            var (key, value) = (e.Info.Fields[i].Key, i < e.Fields.Count ? e.Fields[i] : null);
            Nested(to, Field, () => Write(key, value, to));
        }
        if (e.Start is { } began)
            to.Integer(Start, began);
        foreach (var station in e.Stations)
            Nested(to, Station, () => Write(station, to));
        foreach (var frame in e.Stack)
            to.Text(Stack, frame);
        to.Integer(HeldBack, e.HeldBack);
        to.Integer(Summary, e.IsSummary ? 1 : 0);
        to.Integer(Rootless, e.Rootless ? 1 : 0);
        if (e.Trace is { } trace)
            Write(trace, to);
    }

    /// <summary>The event; null when the bytes are none.</summary>
    public static NetworkEvent? Read(ReadOnlySpan<byte> bytes)
    {
        var draft = new Draft();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (!draft.Take(reader))
                return null;
        }
        return reader.Malformed || draft.Name.Length == 0 ? null : draft.ToEvent();
    }

    private static void Nested(ProtoBuffer to, int field, Action write)
    {
        var start = to.Open(field);
        write();
        to.Close(start);
    }

    private static void Write(EventTrace trace, ProtoBuffer to)
    {
        Span<byte> ids = stackalloc byte[TraceLength];
        trace.PutTraceId(ids);
        trace.PutSpanId(ids[16..]);
        to.Bytes(Trace, ids);
    }

    private static EventTrace? ReadTrace(ReadOnlySpan<byte> ids) => ids.Length != TraceLength
        ? null
        : new(BinaryPrimitives.ReadUInt64BigEndian(ids), BinaryPrimitives.ReadUInt64BigEndian(ids[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(ids[16..]));

    private static void Write(EventProcess process, ProtoBuffer to)
    {
        to.Integer(1, process.Pid);
        to.Integer(2, process.Tid);
        to.Text(3, process.Command);
        to.Integer(4, unchecked((long)process.Cgroup));
        if (process.Pod is { } pod)
            to.Text(5, pod);
    }

    private static void Write(FlowTuple tuple, ProtoBuffer to)
    {
        to.Text(1, tuple.Transport);
        to.Bytes(2, tuple.Source.GetAddressBytes());
        to.Integer(3, tuple.SourcePort);
        to.Bytes(4, tuple.Destination.GetAddressBytes());
        to.Integer(5, tuple.DestinationPort);
        if (tuple.SourcePod is { } source)
            to.Text(6, source);
        if (tuple.DestinationPod is { } destination)
            to.Text(7, destination);
    }

    private static void Write(EventStation station, ProtoBuffer to)
    {
        to.Text(1, station.Name);
        to.Integer(2, station.Start);
        to.Integer(3, station.End);
    }

    private static void Write(string key, TagValue? value, ProtoBuffer to)
    {
        to.Text(1, key);
        if (value is { IsNumber: true } number)
            to.Integer(2, number.Number);
        else if (value is { } text)
            to.Text(3, text.Text);
    }

    /// <summary>An event while its fields come in.</summary>
    private sealed class Draft
    {
        private readonly List<TagKey> _keys = [];
        private readonly List<TagValue?> _values = [];
        private readonly List<string> _stack = [];
        private readonly List<EventStation> _stations = [];
        private NetworkEvent _event = new()
        {
            Info = new() { Name = "", Severity = EventSeverity.Info, Description = "" },
            Time = 0, ObservedTime = 0, Message = "",
        };
        private EventSeverity _severity;
        private EventSeverity _usual;
        private bool _isTimed;
        private string _description = "";

        public string Name { get; private set; } = "";

        /// <summary>False when the field cannot be read. One that is not known is from a later version.</summary>
        public bool Take(in ProtoReader field)
        {
            switch (field.Field)
            {
                case EventCodec.Name:
                    Name = field.Text;
                    break;
                case EventCodec.Severity:
                    _severity = (EventSeverity)field.Number;
                    break;
                case EventCodec.Description:
                    _description = field.Text;
                    break;
                case UsualSeverity:
                    _usual = (EventSeverity)field.Number;
                    break;
                case EventCodec.IsTimed:
                    _isTimed = field.Number != 0;
                    break;
                case Station:
                    if (_stations.Count < NetworkEvent.MostStations)
                        _stations.Add(ReadStation(field.Bytes));
                    break;
                case EventCodec.Stack:
                    _stack.Add(field.Text);
                    break;
                case EventCodec.Field:
                    return TakeField(field.Bytes);
                case EventCodec.Tuple:
                    return (_event = _event with { Tuple = ReadTuple(field.Bytes) }).Tuple is not null;
                default:
                    _event = With(_event, field);
                    break;
            }
            return true;
        }

        public NetworkEvent ToEvent() => _event with
        {
            Info = new()
            {
                Name = Name, Severity = _usual, Description = _description, Fields = _keys, IsTimed = _isTimed,
            },
            Severity = _severity,
            Fields = _values,
            Stations = _stations,
            Stack = _stack,
        };

        private static NetworkEvent With(NetworkEvent e, in ProtoReader field) => field.Field switch
        {
            EventCodec.Time => e with { Time = unchecked((long)field.Number) },
            EventCodec.ObservedTime => e with { ObservedTime = unchecked((long)field.Number) },
            EventCodec.Message => e with { Message = field.Text },
            EventCodec.Subject => e with { Subject = SubjectCodec.Read(field.Bytes) },
            EventCodec.Process => e with { Process = ReadProcess(field.Bytes) },
            EventCodec.Start => e with { Start = unchecked((long)field.Number) },
            EventCodec.HeldBack => e with { HeldBack = unchecked((long)field.Number) },
            EventCodec.Summary => e with { IsSummary = field.Number != 0 },
            EventCodec.Trace => e with { Trace = ReadTrace(field.Bytes) },
            EventCodec.Rootless => e with { Rootless = field.Number != 0 },
            _ => e,
        };

        private bool TakeField(ReadOnlySpan<byte> bytes)
        {
            var (key, value) = ("", (TagValue?)null);
            var reader = new ProtoReader(bytes);
            while (reader.Next())
            {
                if (reader.Field == 1)
                    key = reader.Text;
                else if (reader.Field == 2)
                    value = unchecked((long)reader.Number);
                else if (reader.Field == 3)
                    value = reader.Text;
            }
            _keys.Add(new(key));
            _values.Add(value);
            return !reader.Malformed;
        }
    }

    private static EventStation ReadStation(ReadOnlySpan<byte> bytes)
    {
        var station = new EventStation("", 0, 0);
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            station = reader.Field switch
            {
                1 => station with { Name = reader.Text },
                2 => station with { Start = unchecked((long)reader.Number) },
                3 => station with { End = unchecked((long)reader.Number) },
                _ => station,
            };
        }
        return station;
    }

    private static EventProcess ReadProcess(ReadOnlySpan<byte> bytes)
    {
        var process = new EventProcess(0, 0, "");
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            process = reader.Field switch
            {
                1 => process with { Pid = unchecked((int)reader.Number) },
                2 => process with { Tid = unchecked((int)reader.Number) },
                3 => process with { Command = reader.Text },
                4 => process with { Cgroup = reader.Number },
                5 => process with { Pod = reader.Text },
                _ => process,
            };
        }
        return process;
    }

    private static FlowTuple? ReadTuple(ReadOnlySpan<byte> bytes)
    {
        var tuple = new FlowTuple("", IPAddress.None, 0, IPAddress.None, 0);
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field is 2 or 4 && reader.Bytes.Length is not (4 or 16))
                return null;
            tuple = reader.Field switch
            {
                1 => tuple with { Transport = reader.Text },
                2 => tuple with { Source = new IPAddress(reader.Bytes) },
                3 => tuple with { SourcePort = unchecked((int)reader.Number) },
                4 => tuple with { Destination = new IPAddress(reader.Bytes) },
                5 => tuple with { DestinationPort = unchecked((int)reader.Number) },
                6 => tuple with { SourcePod = reader.Text },
                7 => tuple with { DestinationPod = reader.Text },
                _ => tuple,
            };
        }
        return tuple;
    }
}
