using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using static Tmds.Linux.LibC;

namespace Ebpf.Tests.Bpf;

/// <summary>A record of lab.bpf.c as an event: its number is the time, and what fills it the namespace and cgroup.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LabRecord
{
    public EventHead Head;
}

/// <summary>The lab's program as the source of events: each getppid of this process is one.</summary>
internal sealed class LabFlood : IDisposable
{
    private static readonly EventInfo Info = new()
    {
        Name = "netlens.lab.record", Severity = EventSeverity.Info, Description = "A record.",
    };

    private static readonly EventKind<LabRecord> Kind = new()
    {
        Info = Info,
        Reason = static (in _) => 0,
        Message = static (in e, _) => $"record {e.Head.Time}",
        Fields = static (in _) => [],
    };

    private readonly ProbeHost _host;
    private readonly EventDecoder<LabRecord> _decoder;
    private readonly long _pumped;

    public LabFlood(ProbeHost host, int ringBytes)
    {
        _host = host;
        Object = AttachLadder.Climb(
            host.Bpf.Environment, LabObject.Image(), [new Hook("records", new Way("records"))],
            opened =>
            {
                if (BpfLibrary.HasRingBuffers)
                    opened.Map("events").Resize(ringBytes);
            },
            loaded => loaded.Map("settings").Update(0u, new Settings
            {
                Pid = (uint)Environment.ProcessId, Size = (uint)Marshal.SizeOf<LabRecord>(),
            }),
            out var report) ?? throw new InvalidOperationException(report.Failure);
        _decoder = new EventDecoder<LabRecord>(host, Kind);
        host.Bpf.Resolver.Start();
        _pumped = host.Bpf.Pump.Add(EventBuffer.Open(Object.Map("events"), ringBytes), _decoder);
    }

    public BpfObject Object { get; }

    public RecordLosses Losses => _decoder.Losses;

    /// <summary>Records that the program made.</summary>
    public long Produced => Read(Object.Map("numbers"));

    /// <summary>Those for which the buffer had no room.</summary>
    public long LostInKernel => Read(Object.Map("losses"));

    /// <summary>Makes records.</summary>
    public static void Make(int count)
    {
        for (var i = 0; i < count; i++)
            _ = getppid();
    }

    /// <summary>As a probe ends.</summary>
    public void Stop()
    {
        Object.Detach();
        _host.Bpf.Pump.Remove(_pumped);
    }

    private static long Read(BpfMap map)
    {
        var entry = new byte[map.EntrySize];
        map.TryLookup(0u, entry);
        var sum = new long[1];
        PerCpu.Sum(entry, sum);
        return sum[0];
    }

    public void Dispose()
    {
        Stop();
        Object.Dispose();
    }

    private struct Settings
    {
        public uint Pid;
        public uint Size;
    }
}
