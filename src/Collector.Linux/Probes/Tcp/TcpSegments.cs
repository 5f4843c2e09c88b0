using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// What the probes share whose program counts TCP segments with ebpf-programs/include/tcp.h: settings, and how a
/// segment is told about.
/// </summary>
/// <param name="options">The probe's options.</param>
/// <param name="settings">Its arguments.</param>
internal sealed class TcpSegments(TcpSegmentOptions options, ProbeSettings settings)
{
    private readonly uint _second = KernelClock.JiffiesPerSecond();
    private ProbeSettings _settings = settings;

    /// <summary>A kind of event about a segment.</summary>
    /// <param name="info">Its descriptor.</param>
    /// <param name="reason">What tells like events apart.</param>
    /// <param name="message">The sentence, with both ends: the local one is the source.</param>
    /// <param name="fields">One per field of the descriptor.</param>
    /// <param name="severity">How bad it is; null: as the kind usually.</param>
    public static EventKind<TcpEvent> Kind(
        EventInfo info, OfRecord<TcpEvent, long> reason, MessageOf<TcpEvent> message,
        OfRecord<TcpEvent, TagValue?[]> fields, OfRecord<TcpEvent, EventSeverity>? severity = null) => new()
        {
            Info = info,
            Reason = reason,
            Message = message,
            Fields = fields,
            Severity = severity,
            Tuple = static (in e) => e.Flow.Tuple,
            Process = static (in e) => e.Head.Pid == 0 ? null : e.Head.Process,
            Stack = static (in e, symbols) => e.Stack.Describe(symbols),
        };

    /// <summary>Sizes the map, before the object is loaded.</summary>
    public void Configure(BpfObject opened) => opened.Map("counters").Resize((int)_settings.Get(options.Entries));

    /// <summary>Tells the program its settings.</summary>
    public void Prepare(BpfObject loaded) => loaded.Map("settings").Update(0u, new TcpSettings
    {
        Burst = (uint)_settings.Get(options.Burst),
        Stack = _settings.Get(options.Stack) ? 1u : 0,
        Second = _second,
    });

    /// <summary>Takes other settings; false where they need another map.</summary>
    public bool Reconfigure(BpfObject loaded, ProbeSettings settings)
    {
        var fits = settings.Get(options.Entries) == _settings.Get(options.Entries);
        _settings = settings;
        if (fits)
            Prepare(loaded);
        return fits;
    }
}
