using Collector.Core.Subjects;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>What an event is about, with the names that it had when the event happened.</summary>
internal static class SubjectCodec
{
    private const int Label = 15;

    public static void Write(Subject subject, ProtoBuffer to)
    {
        var names = subject.Names;
        to.Integer(1, (int)subject.Kind);
        to.Integer(2, unchecked((long)subject.Inode));
        to.Integer(3, unchecked((long)subject.Cookie));
        to.Integer(4, subject.Generation);
        to.Integer(5, subject.StartTime);
        to.Integer(6, subject.HostNetwork ? 1 : 0);
        to.Integer(7, names.IsSecondary ? 1 : 0);
        Known(8, names.NetnsName, to);
        Known(9, names.PodNamespace, to);
        Known(10, names.PodName, to);
        Known(11, names.PodUid, to);
        Known(12, names.ContainerId, to);
        Known(13, names.ContainerName, to);
        Known(14, names.Unit, to);
        foreach (var (key, value) in names.PodLabels)
        {
            var start = to.Open(Label);
            to.Text(1, key);
            to.Text(2, value);
            to.Close(start);
        }
    }

    public static Subject Read(ReadOnlySpan<byte> bytes)
    {
        var names = SubjectNames.None;
        var labels = new List<KeyValuePair<string, string>>();
        // Numbers by their fields' own.
        Span<ulong> numbers = stackalloc ulong[8];
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field is > 0 and < 8)
                numbers[reader.Field] = reader.Number;
            else if (reader.Field == Label)
                labels.Add(ReadLabel(reader.Bytes));
            else
                names = With(names, reader);
        }
        names = names with { IsSecondary = numbers[7] != 0, PodLabels = labels };
        var (generation, start) = unchecked(((long)numbers[4], (long)numbers[5]));
        return new((SubjectKind)numbers[1], numbers[2], generation, start, names)
        {
            Cookie = numbers[3],
            HostNetwork = numbers[6] != 0,
        };
    }

    private static SubjectNames With(SubjectNames names, in ProtoReader field) => field.Field switch
    {
        8 => names with { NetnsName = field.Text },
        9 => names with { PodNamespace = field.Text },
        10 => names with { PodName = field.Text },
        11 => names with { PodUid = field.Text },
        12 => names with { ContainerId = field.Text },
        13 => names with { ContainerName = field.Text },
        14 => names with { Unit = field.Text },
        _ => names,
    };

    private static KeyValuePair<string, string> ReadLabel(ReadOnlySpan<byte> bytes)
    {
        var (key, value) = ("", "");
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == 1)
                key = reader.Text;
            else if (reader.Field == 2)
                value = reader.Text;
        }
        return new(key, value);
    }

    private static void Known(int field, string? text, ProtoBuffer to)
    {
        if (text is not null)
            to.Text(field, text);
    }
}
