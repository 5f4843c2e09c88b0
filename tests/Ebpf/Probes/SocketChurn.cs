using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Namespaces and connections that are made and closed as fast as they can be, until it is disposed.</summary>
internal sealed class SocketChurn : IDisposable
{
    private readonly TestNetns _ns = new();
    private readonly Thread[] _threads;
    private readonly List<Exception> _faults = [];
    private volatile bool _stop;
    private int _namespaces;
    private int _connections;

    public SocketChurn()
    {
        _threads = [new(() => Repeat(OneNamespace)), new(() => _ns.Inside(() => Repeat(OneConnection)))];
        foreach (var thread in _threads)
            thread.Start();
    }

    /// <summary>That were born and are gone again.</summary>
    public int Namespaces => Volatile.Read(ref _namespaces);

    /// <summary>The same of connections in one namespace.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>One of the two has ended before its time; disposing tells why.</summary>
    public bool Faulted
    {
        get
        {
            lock (_faults)
                return _faults.Count > 0;
        }
    }

    private void Repeat(Action once)
    {
        try
        {
            while (!_stop)
                once();
        }
        catch (Exception e)
        {
            lock (_faults)
                _faults.Add(e);
        }
    }

    private void OneNamespace()
    {
        using var lab = new SocketLab(new TestNetns());
        var listener = lab.Listen(IPAddress.Loopback, 6999, 5);
        for (var i = 0; i < 3; i++)
            lab.Pair(listener, IPAddress.Loopback).Client.Send(new byte[77]);
        Interlocked.Increment(ref _namespaces);
    }

    // A reset leaves nothing behind: what is in TIME-WAIT would keep its port.
    private void OneConnection()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(5);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.LingerState = new LingerOption(true, 0);
        client.Connect(listener.LocalEndPoint!);
        using var server = listener.Accept();
        client.Send(new byte[33]);
        Interlocked.Increment(ref _connections);
    }

    public void Dispose()
    {
        _stop = true;
        foreach (var thread in _threads)
            thread.Join();
        _ns.Dispose();
        _faults.ShouldBeEmpty();
    }
}
