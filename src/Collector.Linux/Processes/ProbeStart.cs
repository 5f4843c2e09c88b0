using Collector.Core.Probes;
using Collector.Linux.Interop;

namespace Collector.Linux.Processes;

/// <summary>What the probes that look at processes need before they can.</summary>
internal static class ProbeStart
{
    /// <exception cref="ProbeUnavailableException">There are no processes to see here.</exception>
    public static ProcessTable Processes(LinuxHost host, ProbeInfo probe)
    {
        if (host.Paths.Recorded)
            throw new ProbeUnavailableException($"{probe.Id} needs live processes; this is a recorded tree");
        try
        {
            return host.Processes;
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException($"{probe.Id} needs /proc: {e.Message}", e);
        }
    }
}
