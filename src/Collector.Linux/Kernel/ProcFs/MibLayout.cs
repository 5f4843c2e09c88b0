using System.Text;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>The counters of one section (Tcp, TcpExt, Icmp6) in the order in which this kernel prints them.</summary>
/// <remarks>
/// Made once per distinct header and shared by all namespaces, so that probes can map it to their columns once and
/// know it again by reference.
/// </remarks>
public sealed class MibLayout
{
    // A machine has one layout per section. The limit only keeps a tree of lies from filling the memory.
    private const int MostKnown = 256;
    private static readonly Lock Gate = new();
    private static readonly List<MibLayout> Known = [];
    private readonly byte[] _header;

    private MibLayout(string section, byte[] header, string[] counters)
    {
        Section = section;
        _header = header;
        Counters = counters;
    }

    /// <summary>The kernel's name of the section, without colon.</summary>
    public string Section { get; }

    /// <summary>The kernel's names of the counters, all different.</summary>
    public IReadOnlyList<string> Counters { get; }

    /// <summary>The header line that it was made of.</summary>
    internal ReadOnlySpan<byte> Header => _header;

    /// <summary>The layout of a header line <c>Tcp: RtoAlgorithm RtoMin ...</c>; null when it is not one.</summary>
    public static MibLayout? Of(ReadOnlySpan<byte> header)
    {
        lock (Gate)
        {
            foreach (var known in Known)
            {
                if (header.SequenceEqual(known._header))
                    return known;
            }
            var made = Make(header);
            if (made is not null && Known.Count < MostKnown)
                Known.Add(made);
            return made;
        }
    }

    private static MibLayout? Make(ReadOnlySpan<byte> header)
    {
        foreach (var c in header)
        {
            if (!char.IsAsciiLetterOrDigit((char)c) && c is not ((byte)' ' or (byte)':' or (byte)'_'))
                return null;
        }
        var text = Encoding.ASCII.GetString(header);
        var colon = text.IndexOf(": ", StringComparison.Ordinal);
        if (colon <= 0)
            return null;
        var counters = text[(colon + 2)..].Split(' ');
        var valid = counters.All(c => c.Length > 0 && !c.Contains(':'))
            && counters.Distinct().Count() == counters.Length;
        return valid ? new MibLayout(text[..colon], header.ToArray(), counters) : null;
    }

    public override string ToString() => $"{Section} ({Counters.Count} counters)";
}

/// <summary>One section as read in this collection.</summary>
public sealed class MibSection(MibLayout layout)
{
    private readonly long[] _values = new long[layout.Counters.Count];

    public MibLayout Layout { get; } = layout;

    /// <summary>
    /// One value per counter of the layout; <see cref="Core.Metrics.Metric.Absent"/> where the kernel printed what is
    /// no value.
    /// </summary>
    public ReadOnlySpan<long> Values => _values;

    internal Span<long> Writable => _values;
}
