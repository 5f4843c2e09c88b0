using System.Net.Sockets;
using Collector.Core.Probes;

namespace Collector.Linux.Probes.Arrivals;

/// <summary>
/// The kernel stamps every packet that comes, of the whole node, while any socket wants stamps: this one does, and
/// never gets a packet.
/// </summary>
internal sealed class ReceiveStamps : IDisposable
{
    // SOL_SOCKET and SO_TIMESTAMPNS (include/uapi/asm-generic/socket.h).
    private const int Level = 1;
    private const int WantStamps = 35;

    private readonly Socket _socket;

    /// <exception cref="ProbeUnavailableException">There is no such socket here.</exception>
    public ReceiveStamps()
    {
        try
        {
            _socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        }
        catch (SocketException e)
        {
            throw Unavailable(e);
        }
        try
        {
            _socket.SetRawSocketOption(Level, WantStamps, [1, 0, 0, 0]);
        }
        catch (SocketException e)
        {
            _socket.Dispose();
            throw Unavailable(e);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static ProbeUnavailableException Unavailable(SocketException e) =>
        new($"packets are not stamped: {e.Message}", e);
}
