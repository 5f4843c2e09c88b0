using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// A named namespace that is made and removed without starting a program, hundreds a second, and in which as many
/// datagrams found no way as it was told.
/// </summary>
internal sealed partial class BriefNetns : IDisposable
{
    private const int CLONE_NEWNET = 0x40000000;
    private const nuint MS_BIND = 4096;
    private const int MNT_DETACH = 2;
    private static int _number;
    private readonly string _path = $"/run/netns/netlens-b{Environment.ProcessId}-{Interlocked.Increment(ref _number)}";

    public BriefNetns(int unroutable)
    {
        Unroutable = unroutable;
        File.Create(_path).Dispose();
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Make();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is null)
            return;
        Dispose();
        throw new InvalidOperationException(_path, failure);
    }

    public int Unroutable { get; }

    public ulong Inode { get; private set; }

    private void Make()
    {
        Check(unshare(CLONE_NEWNET));
        // Its loopback device is down.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < Unroutable; i++)
        {
            Should.Throw<SocketException>(() => socket.SendTo(new byte[1], new IPEndPoint(IPAddress.Loopback, 9)))
                .SocketErrorCode.ShouldBe(SocketError.NetworkUnreachable);
        }
        var link = File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
        Inode = ulong.Parse(link[(link.IndexOf('[') + 1)..^1], System.Globalization.CultureInfo.InvariantCulture);
        Check(mount("/proc/thread-self/ns/net", _path, "none", MS_BIND, 0));
    }

    private static void Check(int result)
    {
        if (result != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public void Dispose()
    {
        _ = umount2(_path, MNT_DETACH);
        File.Delete(_path);
    }

    // int unshare(int flags);
    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    // int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags,
    //           const void *data);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string type, nuint flags, nint data);

    // int umount2(const char *target, int flags);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int umount2(string target, int flags);
}
