using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Tests.Hosting.Systemd;

/// <summary>The service manager's end: a real datagram socket at a path or in the abstract namespace.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
    {
        // Only so that a broken test ends; what is awaited arrives at once.
        ReceiveTimeout = 30_000,
    };

    public NotifySocket(bool isAbstract)
        : this((isAbstract ? "@" : Path.GetTempPath()) + $"netlens-test-{Guid.NewGuid()}")
    {
    }

    public NotifySocket(string address)
    {
        Address = address;
        _socket.Bind(new UnixDomainSocketEndPoint(address is ['@', .. var name] ? '\0' + name : address));
    }

    /// <summary>As it would stand in NOTIFY_SOCKET.</summary>
    public string Address { get; }

    /// <summary>
    /// The package's notifier to an address, as it makes it of NOTIFY_SOCKET; that itself would be inherited by agents
    /// that other tests start.
    /// </summary>
    public static SystemdNotifier Notifier(string? address) =>
        New(address is ['@', .. var name] ? '\0' + name : address);

    public SystemdNotifier Notifier() => Notifier(Address);

    /// <summary>The next datagram.</summary>
    public string Receive()
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, _socket.Receive(buffer));
    }

    /// <summary>True while a datagram waits.</summary>
    public bool HasMore => _socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Nobody listens any more; a file that it had is gone.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        if (Address[0] != '@')
            File.Delete(Address);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SystemdNotifier New(string? path);
}
