using System.Net.Sockets;
using Collector.Worker.Logging;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>Tells the service manager what the service is doing.</summary>
public interface ISystemdNotifier
{
    /// <summary>False when nobody listens; then <see cref="Notify"/> does nothing.</summary>
    bool IsEnabled { get; }

    /// <summary>Sends one state. Never throws: a manager that does not listen is not the service's fault.</summary>
    void Notify(ServiceState state);
}

/// <summary>
/// Datagrams to $NOTIFY_SOCKET: a path, or a name in the abstract namespace after <c>@</c> (sd_notify(3)). Thread-safe.
/// </summary>
public sealed partial class SystemdNotifier : ISystemdNotifier, IDisposable
{
    public const string SocketVariable = "NOTIFY_SOCKET";

    // The manager reads within milliseconds; a queue that stays full must not hold up the collection.
    private const int SendTimeoutMilliseconds = 500;

    private readonly ILogger _logger;
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _address;
    private long _errors;

    public SystemdNotifier(ILogger<SystemdNotifier> logger)
        : this(Environment.GetEnvironmentVariable(SocketVariable), logger)
    {
    }

    internal SystemdNotifier(string? address, ILogger logger)
    {
        _logger = logger;
        if (string.IsNullOrEmpty(address))
            return;
        try
        {
            _address = Parse(address);
            if (_address is not null)
                _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
                {
                    SendTimeout = SendTimeoutMilliseconds,
                };
        }
        catch (Exception e) when (e is ArgumentException or SocketException or PlatformNotSupportedException)
        {
            LogUnusable(_logger, address, e.Message);
        }
    }

    public bool IsEnabled => _socket is not null;

    /// <summary>States that could not be sent.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    public void Notify(ServiceState state)
    {
        if (_socket is null)
            return;
        try
        {
            _socket.SendTo(state.GetData(), _address!);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (Interlocked.Increment(ref _errors) == 1)
                LogFailed(_logger, e.Message);
        }
    }

    public void Dispose() => _socket?.Dispose();

    private UnixDomainSocketEndPoint? Parse(string address)
    {
        if (address.Length > 1 && address[0] is '@')
            return new('\0' + address[1..]);
        if (address.Length > 1 && address[0] is '/')
            return new(address);
        // vsock:CID:PORT is how a virtual machine tells its host that it has booted; the service in it needs none.
        LogUnusable(_logger, address, "neither a path nor an abstract name");
        return null;
    }

    [LoggerMessage(EventId = LogEvents.NotifySocketUnusable, Level = LogLevel.Warning,
        Message = "NOTIFY_SOCKET {Address} is not used ({Reason}): the service manager is told nothing")]
    private static partial void LogUnusable(ILogger logger, string address, string reason);

    [LoggerMessage(EventId = LogEvents.NotifyFailed, Level = LogLevel.Warning,
        Message = "The service manager could not be told a state ({Reason}); further failures are only counted")]
    private static partial void LogFailed(ILogger logger, string reason);
}
