using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Collector.Core.Events;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Events.Outlets.Journal;

/// <summary>
/// An event as an entry of the journal's native protocol: a field is NAME=value and a line feed or, where the value has
/// one itself, the name, a line feed, the value's length in 64 bits, the value and a line feed.
/// </summary>
internal sealed class JournalEntry
{
    private const string Prefix = "NETLENS_";

    /// <summary>The journal leaves out fields with longer names.</summary>
    private const int LongestName = 64;

    private readonly ArrayBufferWriter<byte> _entry = new(2048);
    private readonly List<KeyValuePair<string, object?>> _attributes = new(24);
    private readonly Dictionary<string, string> _names = [];

    /// <summary>The entry, until the next call.</summary>
    public ReadOnlySpan<byte> Of(NetworkEvent e)
    {
        _entry.ResetWrittenCount();
        Field("MESSAGE", e.Message);
        Field("PRIORITY", Priority(e.Severity));
        Field("SYSLOG_IDENTIFIER", "netlens");
        Field("NETLENS_EVENT", e.Info.Name);
        Field("NETLENS_TIME", Time(e.Time));
        Field("NETLENS_OBSERVED_TIME", Time(e.ObservedTime));
        _attributes.Clear();
        EventAttributes.Add(e, _attributes);
        foreach (var (key, value) in _attributes)
        {
            Field(Name(key), value switch
            {
                long number => number.ToString(CultureInfo.InvariantCulture),
                bool flag => flag ? "true" : "false",
                _ => (string)value!,
            });
        }
        _attributes.Clear();
        return _entry.WrittenSpan;
    }

    /// <summary><c>k8s.pod.name</c> is NETLENS_K8S_POD_NAME, <c>netlens.drop.reason</c> NETLENS_DROP_REASON.</summary>
    public static string NameOf(string attribute)
    {
        var name = new StringBuilder(Prefix.Length + attribute.Length).Append(Prefix);
        var own = attribute.StartsWith("netlens.", StringComparison.Ordinal) ? "netlens.".Length : 0;
        foreach (var c in attribute.AsSpan(own))
            name.Append(char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_');
        return name.ToString(0, Math.Min(name.Length, LongestName));
    }

    private string Name(string attribute)
    {
        if (!_names.TryGetValue(attribute, out var name))
            _names.Add(attribute, name = NameOf(attribute));
        return name;
    }

    /// <summary>syslog(3).</summary>
    private static string Priority(EventSeverity severity) => severity switch
    {
        EventSeverity.Info => "6",
        EventSeverity.Warn => "4",
        _ => "3",
    };

    private static string Time(long unixNanoseconds)
    {
        Span<byte> time = stackalloc byte[EventJson.TimeLength];
        EventJson.Format(unixNanoseconds, time);
        return Encoding.ASCII.GetString(time);
    }

    private void Field(string name, string value)
    {
        Text(name);
        if (value.Contains('\n', StringComparison.Ordinal))
        {
            Text("\n");
            BinaryPrimitives.WriteInt64LittleEndian(_entry.GetSpan(sizeof(long)), Encoding.UTF8.GetByteCount(value));
            _entry.Advance(sizeof(long));
        }
        else
        {
            Text("=");
        }
        Text(value);
        Text("\n");
    }

    private void Text(string text) => Encoding.UTF8.GetBytes(text, _entry);
}
