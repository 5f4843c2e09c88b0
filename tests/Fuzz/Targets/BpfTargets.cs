using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Common;

namespace Fuzz.Tests.Targets;

/// <summary>
/// Records of the eBPF probes. A probe is started, which needs a kernel that takes it, and stopped: its decoder then is
/// ours alone, and knows what it learnt of the kernel.
/// </summary>
internal static class BpfTargets
{
    public static IReadOnlyList<FuzzTarget> List { get; } =
    [
        .. AllProbes.List.Where(p => p.Info is { Watches: true, Events.Count: > 0 }).Select(p => new FuzzTarget(
            p.Info.Id, () => Longer(p.Info.Id), () => Open(p))),
    ];

    // Recorded ones with room behind them, for a structure that has grown since.
    private static IReadOnlyList<byte[]> Longer(string probe) =>
        [.. InputFiles.Of(probe).Select(r => (byte[])[.. r, .. new byte[256]]), new byte[512]];

    private static Action<byte[]>? Open(ProbeRegistration registration)
    {
        var sink = new Sink();
        var host = new LinuxHost(new KernelPaths()) { Events = sink };
        host.Refresh(host.BootTime);
        if (registration.Create(host, new ProbeSettings(registration.Info)) is not BpfProbe probe)
            return null;
        try
        {
            probe.Start();
        }
        catch (ProbeUnavailableException)
        {
            return null;
        }
        probe.Dispose();
        host.Bpf.Resolver.Dispose();
        var decoder = probe.Decoder!;
        var occurrence = new Occurrence();
        return input => Decode(decoder, sink, occurrence, input);
    }

    private static void Decode(IEventDecoder decoder, Sink sink, Occurrence occurrence, byte[] input)
    {
        var before = decoder.Losses.Undecoded;
        Thrown.Last = null;
        sink.Admits = false;
        decoder.OnRecord(input);
        if (decoder.Losses.Undecoded == before)
        {
            occurrence.Admitted = false;
            occurrence.Copy(input);
            sink.Admits = true;
            ((IOccurrenceReader)decoder).Resolve(occurrence);
        }
        // Caught and counted, so that an agent lives on. A kind or vector that our programs have not is counted so on
        // purpose, and too short a record without an exception; anything else is a fault.
        if (decoder.Losses.Undecoded != before && Thrown.Last is { } fault and not IndexOutOfRangeException)
            throw new InvalidDataException("a record was given up", fault);
    }

    /// <summary>What was thrown last on a thread, caught or not.</summary>
    private static class Thrown
    {
        [ThreadStatic]
        public static Exception? Last;

        static Thrown() => AppDomain.CurrentDomain.FirstChanceException += static (_, e) => Last = e.Exception;
    }

    private sealed class Sink : IEventSink
    {
        public bool Admits { get; set; }

        public bool Admit(in EventKey key, long time) => Admits;

        public void Publish(in EventKey key, NetworkEvent e) => e.Message.ShouldNotBeNull();

        public void HeldBack(in EventKey key, long count)
        {
        }
    }
}
