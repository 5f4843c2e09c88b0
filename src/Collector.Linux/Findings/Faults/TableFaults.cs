using System.Net;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Links, firewall and connection tracking.</summary>
internal static class TableFaults
{
    private const int Ports = 50_000;

    public static void TakeLinkDown(FaultPair pair)
    {
        for (var i = pair.Times(3, 2); i > 0; i--)
        {
            pair.Server.SetDown(Device);
            pair.Server.SetLink(Device);
        }
    }

    public static void DropByRule(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Server.DropAll();
        pair.Client.Send(pair.ServerAddress, ClosedPort, pair.Times(20, 3), 100);
    }

    // Nobody waits for a reset of no connection, and nobody answers it.
    public static void ResetNothing(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Server.Track();
        var count = pair.Times(100, 50);
        pair.Client.SendRaw(pair.ServerAddress, count, i => RawPackets.Segment(
            new IPEndPoint(pair.ClientAddress, 4711),
            new IPEndPoint(pair.ServerAddress, 10_000 + (((pair.Round * count) + i) % Ports)), 1000,
            RawPackets.Reset));
    }
}
