using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Collector.Worker.Http;

/// <summary>Where a server listens, the Unix socket beside its port included, and who guards it there.</summary>
internal sealed class Listeners : IDisposable
{
    private readonly List<SharedSocket> _sockets = [];

    /// <exception cref="FormatException">The options name no address.</exception>
    /// <exception cref="HttpFileException">A file of the options is no use.</exception>
    public Listeners(HttpOptions options, NetlensHttp http, ILogger log)
    {
        Options = options;
        Address = ListenAddress.Parse(options.Listen);
        Guard = http.Connections;
        Security = new(options, http.Guards, log, http.Time);
    }

    private Listeners(Listeners before)
    {
        (Options, Address, Guard, Security) = (before.Options, before.Address, before.Guard, before.Security);
        TakeOver(before);
    }

    public HttpOptions Options { get; }

    public ListenAddress Address { get; }

    public ConnectionGuard Guard { get; }

    public HttpSecurity Security { get; }

    /// <summary>The socket beside the port; null for none.</summary>
    private string? LocalPath =>
        Options.Socket.Length > 0 && Options.Socket != Address.SocketPath ? Options.Socket : null;

    /// <summary>True where one of two servers has to go before the other can listen.</summary>
    public bool Exclude(Listeners other) => other._sockets.Any(s => Paths().Contains(s.Path) && !s.IsThere)
        || (Address.SocketPath is null && other.Address.SocketPath is null
            && Address.Port != 0 && Address.Port == other.Address.Port);

    /// <summary>The same once more, with its sockets, and without a look at files, which may be gone.</summary>
    public Listeners Again() => new(this);

    /// <summary>Goes on with the Unix sockets of the server whose place it takes: nobody finds them closed.</summary>
    public void TakeOver(Listeners before)
    {
        foreach (var socket in before._sockets.Where(s => Paths().Contains(s.Path) && s.IsThere))
            _sockets.Add(socket.Share());
    }

    /// <summary>Takes the local socket, before the server knows what it listens on.</summary>
    /// <exception cref="HttpListenException">It cannot be had, and is not the default.</exception>
    public void OpenLocal(ILogger log)
    {
        if (LocalPath is not { } path)
            return;
        try
        {
            SocketAt(path);
        }
        catch (HttpListenException e) when (path == HttpOptions.DefaultSocket)
        {
            HttpLog.NoSocket(log, e.Message);
        }
    }

    /// <summary>Tells the server. The port comes first.</summary>
    public void AddTo(KestrelServerOptions options)
    {
        options.Listen(Address, Address.SocketPath is null ? Port : Plain);
        if (LocalPath is { } path && _sockets.Exists(s => s.Path == path))
            options.ListenUnixSocket(path, Plain);
    }

    /// <summary>The Unix socket that listens at a path.</summary>
    /// <exception cref="HttpListenException">It cannot be had.</exception>
    public SharedSocket SocketAt(string path)
    {
        if (_sockets.Find(s => s.Path == path) is { } open)
            return open;
        var socket = new SharedSocket(path);
        _sockets.Add(socket);
        return socket;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Release();
        _sockets.Clear();
    }

    private void Plain(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection => Guard.InvokeAsync(connection, next));
    }

    private void Port(ListenOptions listen)
    {
        Plain(listen);
        if (Security.Certificate is { } certificate)
            listen.UseTls(certificate, Security.Statistics);
    }

    private IEnumerable<string> Paths() => new[] { Address.SocketPath, LocalPath }.OfType<string>();
}
