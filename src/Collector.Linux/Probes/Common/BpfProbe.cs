using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// Base of probes with a program in the kernel. The object is named like the probe; its <c>events</c> map is drained
/// on the event thread, its other maps are read on the collection thread.
/// </summary>
internal abstract class BpfProbe(ProbeInfo info, ProbeHost host, IReadOnlyList<Hook> hooks) : Probe(info)
{
    private BpfProgramSet? _set;
    private long _pumped;

    protected ProbeHost Host { get; } = host;

    /// <summary>What it attaches.</summary>
    internal IReadOnlyList<Hook> Ladders { get; } = hooks;

    /// <summary>Makes events of its records; null where it has none.</summary>
    internal IEventDecoder? Decoder { get; init; }

    protected BpfObject Object => _set!.Object;

    public override void Start()
    {
        BpfObject? loaded = null;
        try
        {
            loaded = Host.Bpf.Load(Info.Id, Ladders, ConfigureAll, Prepare);
            _set = new BpfProgramSet(Info.Id, loaded, Decoder?.Losses ?? new());
            if (Decoder is not null)
            {
                Host.Bpf.Resolver.Start();
                var buffer = EventBuffer.Open(loaded.Map("events"), Host.Bpf.Options.EventBuffer);
                _pumped = Host.Bpf.Pump.Add(buffer, Decoder);
            }
            Host.Bpf.Add(_set);
        }
        catch (LinuxException e)
        {
            loaded?.Dispose();
            _set = null;
            throw new ProbeUnavailableException(e.Message, e)
            {
                MayPass = e.Errno.IsAny(ENOMEM, EAGAIN, EBUSY, EMFILE, ENFILE, ENOSPC),
            };
        }
    }

    /// <summary>Sizes maps, before the object is loaded.</summary>
    protected virtual void Configure(BpfObject opened)
    {
    }

    /// <summary>Writes settings, after loading and before the first program runs.</summary>
    protected virtual void Prepare(BpfObject loaded)
    {
    }

    private void ConfigureAll(BpfObject opened)
    {
        var events = opened.Maps.FirstOrDefault(m => m.Type == Libbpf.BPF_MAP_TYPE_RINGBUF);
        events?.Resize(Host.Bpf.Options.EventBuffer);
        Configure(opened);
    }

    protected override void Dispose(bool disposing)
    {
        if (_set is { } set)
        {
            // First, so that the last turn sees everything.
            set.Object.Detach();
            Host.Bpf.Pump.Remove(_pumped);
            Host.Bpf.Remove(set);
            set.Object.Dispose();
            _set = null;
        }
        base.Dispose(disposing);
    }
}
