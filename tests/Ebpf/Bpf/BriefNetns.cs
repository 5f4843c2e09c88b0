using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// A named namespace that is made and removed hundreds of times a second, and in which as many datagrams found no way
/// as it was told.
/// </summary>
internal sealed class BriefNetns : IDisposable
{
    private static int _number;
    private readonly NamedNetns _netns;

    public BriefNetns(int unroutable)
    {
        Unroutable = unroutable;
        _netns = new NamedNetns($"netlens-b{Environment.ProcessId}-{Interlocked.Increment(ref _number)}", Send);
    }

    public int Unroutable { get; }

    public ulong Inode => _netns.Inode;

    public void Dispose() => _netns.Dispose();

    // Its loopback device is down.
    private void Send()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < Unroutable; i++)
        {
            Should.Throw<SocketException>(() => socket.SendTo(new byte[1], new IPEndPoint(IPAddress.Loopback, 9)))
                .SocketErrorCode.ShouldBe(SocketError.NetworkUnreachable);
        }
    }
}
