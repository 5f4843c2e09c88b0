using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Findings.Faults;

/// <summary>
/// A network namespace without a name, its loopback up, that one thread and its sockets are in. It goes with them:
/// when it is disposed, and also when the process is killed.
/// </summary>
public sealed class FaultNamespace : IDisposable
{
    /// <summary>Sockets that are kept at most: what is caused again must not use up descriptors.</summary>
    private const int MostKept = 128;

    private readonly BlockingCollection<Action> _work = [];
    private readonly Queue<Socket> _kept = [];
    private readonly List<Socket> _listeners = [];
    private readonly string _proc;
    private readonly Thread _thread;
    private bool _isOver;

    /// <param name="proc">Where /proc is.</param>
    /// <exception cref="LinuxException">It cannot be made (needs CAP_SYS_ADMIN and CAP_NET_ADMIN).</exception>
    public FaultNamespace(string proc)
    {
        _proc = proc;
        // Only this thread is ever in it.
        _thread = new Thread(Loop, 256 * 1024) { IsBackground = true, Name = "fault" };
        _thread.Start();
        try
        {
            Run(Make);
            this.SetLink("lo");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Its thread, as that /proc counts.</summary>
    public int ThreadId { get; private set; }

    /// <summary>Inode number of the namespace.</summary>
    public ulong Inode { get; private set; }

    /// <summary>Runs code inside and waits for it.</summary>
    public void Run(Action inside)
    {
        ExceptionDispatchInfo? failure = null;
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            try
            {
                inside();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            done.Set();
        });
        done.Wait();
        failure?.Throw();
    }

    /// <summary>The same with a result.</summary>
    public T Run<T>(Func<T> inside)
    {
        var result = default(T)!;
        Run(() => { result = inside(); });
        return result;
    }

    /// <summary>A TCP socket of it, kept until there are many, or it goes.</summary>
    public Socket Tcp(IPAddress? family = null) => Keep(Make(family, SocketType.Stream, ProtocolType.Tcp));

    /// <summary>A UDP socket of it, kept the same way.</summary>
    public Socket Udp() => Keep(Make(null, SocketType.Dgram, ProtocolType.Udp));

    /// <summary>A listener at a port of all its addresses, kept until it goes.</summary>
    /// <param name="port">The port.</param>
    /// <param name="backlog">What listen() is called with.</param>
    /// <param name="share">With others at the same port (SO_REUSEPORT).</param>
    public Socket Listen(int port, int backlog, bool share = false)
    {
        var listener = Make(null, SocketType.Stream, ProtocolType.Tcp);
        _listeners.Add(listener);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        if (share)
            listener.SetRawSocketOption(SOL_SOCKET, SO_REUSEPORT, BitConverter.GetBytes(1));
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(backlog);
        return listener;
    }

    /// <summary>Begins to connect and does not wait.</summary>
    /// <param name="prepare">What is done to the socket before.</param>
    public Socket Begin(IPAddress to, int port, Action<Socket>? prepare = null)
    {
        var client = Tcp(to);
        client.Blocking = false;
        prepare?.Invoke(client);
        try
        {
            client.Connect(to, port);
        }
        catch (SocketException)
        {
            // Under way, or refused at once, as it may be meant to be.
        }
        return client;
    }

    /// <summary>Sends datagrams that nobody needs to take.</summary>
    public void Send(IPAddress to, int port, int count, int size)
    {
        using var sender = Make(to, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < count; i++)
            sender.SendTo(new byte[size], new IPEndPoint(to, port));
    }

    /// <summary>Sends IPv4 packets of any kind, with their headers.</summary>
    public void SendRaw(IPAddress to, int count, Func<int, byte[]> packet)
    {
        using var sender = Make(to, SocketType.Raw, ProtocolType.Raw);
        sender.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
        // Connection tracking waits for other fragments before a packet leaves, with openvswitch of 5.10 everywhere.
        sender.SetRawSocketOption(TcpUapi.IPPROTO_IP, TcpUapi.IP_NODEFRAG, BitConverter.GetBytes(1));
        for (var i = 0; i < count; i++)
            sender.SendTo(packet(i), new IPEndPoint(to, 0));
    }

    /// <summary>Sets a sysctl of it.</summary>
    /// <exception cref="IOException">It cannot be set, or this kernel has none of that name.</exception>
    public void Set(string sysctl, string value) => Run(() =>
    {
        try
        {
            File.WriteAllText($"/proc/sys/{sysctl.Replace('.', '/')}", value);
        }
        catch (Exception e) when (e is UnauthorizedAccessException || e.HResult == EROFS)
        {
            // As in most containers.
            throw new IOException("needs a writable /proc/sys: run it on the node, or privileged", e);
        }
    });

    /// <summary>Closes what was kept.</summary>
    public void Clear()
    {
        _listeners.ForEach(static l => l.Dispose());
        _listeners.Clear();
        foreach (var kept in _kept)
            kept.Dispose();
        _kept.Clear();
    }

    /// <summary>Keeps what is made elsewhere for it.</summary>
    public Socket Keep(Socket made)
    {
        _kept.Enqueue(made);
        if (_kept.Count > MostKept)
            _kept.Dequeue().Dispose();
        return made;
    }

    private Socket Make(IPAddress? family, SocketType type, ProtocolType protocol) => Run(() =>
        new Socket(family?.AddressFamily ?? AddressFamily.InterNetwork, type, protocol));

    private void Make()
    {
        if (Libc.unshare(CLONE_NEWNET) != 0)
            throw LinuxException.Last("unshare a network namespace (needs CAP_SYS_ADMIN)");
        var self = File.ResolveLinkTarget($"{_proc}/thread-self", returnFinalTarget: false)!.Name;
        ThreadId = int.Parse(self, CultureInfo.InvariantCulture);
        using var ns = SafeFd.Open($"{_proc}/thread-self/ns/net");
        Inode = ns.Inode();
    }

    private void Loop()
    {
        foreach (var work in _work.GetConsumingEnumerable())
            work();
    }

    public void Dispose()
    {
        if (_isOver)
            return;
        _isOver = true;
        Clear();
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }
}
