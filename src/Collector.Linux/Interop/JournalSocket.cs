using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>
/// The socket of systemd's journal: a datagram is an entry. One that is too large for a datagram goes as a sealed file
/// in memory (systemd's JOURNAL_NATIVE_PROTOCOL).
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class JournalSocket(string path = JournalSocket.DefaultPath) : IDisposable
{
    public const string DefaultPath = "/run/systemd/journal/socket";

    /// <summary>Bytes of a path, with the zero behind it (unix(7)).</summary>
    private const int LongestPath = 108;

    /// <summary>Seconds for a journal that reads no more.</summary>
    private const int Patience = 1;

    private SafeFd? _socket;

    /// <summary>Hands over one entry.</summary>
    /// <exception cref="IOException">There is no such socket, or nobody reads it.</exception>
    public void Send(ReadOnlySpan<byte> entry)
    {
        if (!OperatingSystem.IsLinux())
            throw new IOException("there is none on this system");
        SendToSocket(entry);
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SendToSocket(ReadOnlySpan<byte> entry)
    {
        var kept = _socket is not null;
        try
        {
            _socket ??= Connect();
            SendOnce(_socket, entry);
        }
        catch (LinuxException e) when (kept && e.Errno != EAGAIN)
        {
            // It may have been made anew since the entry before.
            Dispose();
            SendToSocket(entry);
        }
        catch (LinuxException e)
        {
            // The next entry looks again.
            Dispose();
            throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(e.Errno.Number)}", e);
        }
    }

    private unsafe SafeFd Connect()
    {
        var name = Encoding.UTF8.GetBytes(path);
        if (name.Length >= LongestPath)
            throw new LinuxException($"connect {path}", ENAMETOOLONG);
        var fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            throw LinuxException.Last("socket");
        var made = new SafeFd(fd);
        // Seconds, then microseconds.
        var wait = stackalloc long[] { Patience, 0 };
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, wait, 2 * sizeof(long)) < 0)
        {
            made.Dispose();
            throw LinuxException.Last("setsockopt");
        }
        var address = new sockaddr_un { sun_family = AF_UNIX };
        for (var i = 0; i < name.Length; i++)
            address.sun_path[i] = name[i];
        if (connect(fd, (sockaddr*)&address, sizeof(sockaddr_un)) == 0)
            return made;
        var refused = LinuxException.Last($"connect {path}");
        made.Dispose();
        throw refused;
    }

    private static unsafe void SendOnce(SafeFd to, ReadOnlySpan<byte> entry)
    {
        fixed (byte* bytes = entry)
        {
            while (send(to.Value, bytes, entry.Length, MSG_NOSIGNAL) < 0)
            {
                if (SafeFd.LastErrno.IsAny(EMSGSIZE, ENOBUFS))
                {
                    SendFile(to, bytes, entry.Length);
                    return;
                }
                if (SafeFd.LastErrno != EINTR)
                    throw LinuxException.Last("send");
            }
        }
    }

    private static unsafe void SendFile(SafeFd to, byte* bytes, int length)
    {
        fixed (byte* name = "netlens-event\0"u8)
        {
            var fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
            if (fd < 0)
                throw LinuxException.Last("memfd_create");
            using var file = new SafeFd(fd);
            for (var done = 0; done < length;)
            {
                var written = (int)write(fd, bytes + done, length - done);
                if (written < 0)
                    throw LinuxException.Last("write");
                done += written;
            }
            // The journal takes only what nobody can change any more.
            if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                throw LinuxException.Last("fcntl");
            Pass(to, fd);
        }
    }

    /// <summary>An empty datagram with a descriptor beside it.</summary>
    private static unsafe void Pass(SafeFd to, int fd)
    {
        var control = stackalloc byte[CMSG_SPACE(sizeof(int))];
        var message = new msghdr { msg_control = control, msg_controllen = CMSG_SPACE(sizeof(int)) };
        var header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        // The package's CMSG_LEN rounds up, and a second descriptor would go along.
        header->cmsg_len = (socklen_t)(uint)(CMSG_DATA(header) - (byte*)header + sizeof(int));
        *(int*)CMSG_DATA(header) = fd;
        while (sendmsg(to.Value, &message, MSG_NOSIGNAL) < 0)
        {
            if (SafeFd.LastErrno != EINTR)
                throw LinuxException.Last("sendmsg");
        }
    }
}
