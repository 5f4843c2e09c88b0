using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// Base of probes with a program in the kernel. The object is named like the probe; its <c>events</c> map is drained
/// on the event thread, its other maps are read on the collection thread.
/// </summary>
internal abstract class BpfProbe(ProbeInfo info, ProbeHost host, IReadOnlyList<Hook> hooks)
    : Probe(info), IRecordReader
{
    private BpfProgramSet? _set;
    private long _pumped;

    protected ProbeHost Host { get; } = host;

    /// <summary>What it attaches.</summary>
    internal IReadOnlyList<Hook> Ladders { get; } = hooks;

    protected BpfObject Object => _set!.Object;

    public override void Start()
    {
        BpfObject? loaded = null;
        try
        {
            loaded = Host.Bpf.Load(Info.Id, Ladders, ConfigureAll, Prepare);
            _set = new BpfProgramSet(Info.Id, loaded);
            if (loaded.Maps.Any(m => m.Name == "events"))
                _pumped = Host.Bpf.Pump.Add(EventBuffer.Open(loaded.Map("events"), Host.Bpf.Options.EventBuffer), this);
            Host.Bpf.Add(_set);
        }
        catch (LinuxException e)
        {
            loaded?.Dispose();
            _set = null;
            throw new ProbeUnavailableException(e.Message, e);
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

    /// <summary>Makes an event of a record, on the event thread.</summary>
    protected abstract void Decode(ReadOnlySpan<byte> record);

    void IRecordReader.OnRecord(ReadOnlySpan<byte> record)
    {
        try
        {
            Decode(record);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A fault of ours must not end the thread that serves every probe.
            _set?.CountUndecoded();
        }
    }

    /// <summary>The namespace of a record; null where the kernel could not tell.</summary>
    protected Subject? NamespaceOf(in EventHead head) =>
        Host.Namespaces.Directory.Find(head.Netns, head.NetnsCookie);

    protected IEventSink Events => Host.Events;

    /// <summary>Reports an event, with the pods that it mentions; on the event thread.</summary>
    protected void Publish(in EventKey key, NetworkEvent e) => Events.Publish(key, Host.EventOwners.Complete(e));

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
            Host.Bpf.Pump.Remove(_pumped);
            Host.Bpf.Remove(set);
            set.Object.Dispose();
            _set = null;
        }
        base.Dispose(disposing);
    }
}
