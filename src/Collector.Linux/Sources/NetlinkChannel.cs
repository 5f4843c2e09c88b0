using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>Takes the messages of one answer.</summary>
internal interface INetlinkSink
{
    /// <summary>An answer begins, perhaps not for the first time: forget what was taken.</summary>
    void Begin();

    /// <summary>Takes one message; false when it makes no sense, which fails the whole answer.</summary>
    bool Take(in NetlinkMessage message);
}

/// <summary>
/// A netlink socket in one namespace, opened when first asked and kept. An answer is complete or it is a failure:
/// one that changed while it was read is asked for again, and a socket left in an unknown state is replaced.
/// </summary>
internal sealed class NetlinkChannel(NetlinkFamily family, Func<NamespaceHandle, NetlinkSocket>? open = null)
    : IDisposable
{
    private const int Attempts = 3;
    private int[] _groups = [];
    private INetlinkNews? _news;
    private NetlinkSocket? _socket;

    /// <summary>
    /// Short constant for a failure's label: <c>interrupted</c>, <c>truncated</c>, <c>malformed</c> or an errno.
    /// </summary>
    public string Failure { get; private set; } = "";

    /// <summary>The kernel's error behind <see cref="Failure"/>, None where it was not the kernel.</summary>
    public Errno Error { get; private set; }

    /// <summary>Every change is told of, or that something was missed.</summary>
    public bool Hears { get; private set; }

    /// <summary>
    /// Listens to multicast groups as well, from the next opening on: what came is given on with <see cref="Listen"/>
    /// and with each answer.
    /// </summary>
    public void Join(INetlinkNews news, params int[] groups)
    {
        _groups = groups;
        _news = news;
    }

    /// <summary>Gives on what was told since the last time, without asking for anything.</summary>
    /// <returns>False: there is no socket, and none can be opened.</returns>
    public bool Listen(NamespaceHandle handle)
    {
        Error = Errno.None;
        if (_socket is null && !Open(handle))
            return false;
        if (_news is not null)
            _socket!.TakeNews(handle.NetlinkBuffer);
        return true;
    }

    /// <summary>Sends a request and gives every message of its answer to the sink.</summary>
    /// <param name="handle">The namespace to ask in.</param>
    /// <param name="type">Message type of the request.</param>
    /// <param name="flags">NLM_F_* beyond NLM_F_REQUEST.</param>
    /// <param name="request">Room for nlmsghdr, then the payload.</param>
    /// <param name="sink">Where messages go; its content counts only when this returns true.</param>
    public bool Ask(NamespaceHandle handle, ushort type, ushort flags, Span<byte> request, INetlinkSink sink)
    {
        ref var header = ref MemoryMarshal.AsRef<nlmsghdr>(request);
        header.nlmsg_type = type;
        header.nlmsg_flags = (ushort)(flags | Rtnl.NLM_F_REQUEST);
        if (!Listen(handle))
            return false;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            switch (Once(_socket!, request, handle.NetlinkBuffer, sink))
            {
                case NetlinkStatus.Done:
                    return true;
                case NetlinkStatus.Interrupted:
                    Failure = "interrupted";
                    continue;
                case NetlinkStatus.Truncated:
                    Failure = "truncated";
                    break;
                case NetlinkStatus.Reading:
                    Failure = "malformed";
                    return false; // Read to its end, so the socket is as good as before.
                default:
                    Failure = Error.ToString();
                    break;
            }
            // The rest of a dump may still be queued, and the kernel answers EBUSY until it is read.
            Close();
            return false;
        }
        return false;
    }

    // Reading means: complete, but the sink refused a message.
    private NetlinkStatus Once(NetlinkSocket socket, Span<byte> request, byte[] buffer, INetlinkSink sink)
    {
        sink.Begin();
        var good = true;
        var reader = socket.Request(request, buffer);
        while (reader.MoveNext(out var message))
            good &= sink.Take(message);
        Error = reader.Error;
        return good || reader.Status is not NetlinkStatus.Done ? reader.Status : NetlinkStatus.Reading;
    }

    private bool Open(NamespaceHandle handle)
    {
        try
        {
            _socket = open is null ? handle.OpenNetlink(family) : open(handle);
            if (_news is not null)
            {
                Hears = _socket.Join(_news, _groups);
                _news.Miss(); // Whatever was told before.
            }
            return true;
        }
        catch (LinuxException e)
        {
            Error = e.Errno;
            Failure = e.Errno.ToString();
            return false;
        }
    }

    private void Close()
    {
        _socket?.Dispose();
        _socket = null;
    }

    /// <summary>The payload's place in a request.</summary>
    public static ref T Payload<T>(Span<byte> request) where T : unmanaged =>
        ref MemoryMarshal.AsRef<T>(request[Unsafe.SizeOf<nlmsghdr>()..]);

    public void Dispose() => Close();
}
