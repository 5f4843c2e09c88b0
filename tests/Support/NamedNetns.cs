using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Collector.Tests.Support;

/// <summary>
/// A network namespace with a name, as ip(8) makes and removes one, without starting a program: on an emulated machine
/// each takes its time.
/// </summary>
internal sealed partial class NamedNetns : IDisposable
{
    public const string Folder = "/run/netns";

    private const int CLONE_NEWNET = 0x40000000;
    private const nuint MS_BIND = 4096;
    private const int MNT_DETACH = 2;

    // ip makes the folder a mount of its own, so that a name that goes away does so for everybody.
    private static readonly Lazy<bool> FolderIsThere = new(static () =>
    {
        var name = $"netlens-{Environment.ProcessId}";
        Shell.Run("ip", "netns", "add", name);
        Shell.Run("ip", "netns", "del", name);
        return true;
    });

    /// <param name="name">Its name.</param>
    /// <param name="inside">Done inside, before it has the name.</param>
    public NamedNetns(string name, Action inside)
    {
        Path = $"{Folder}/{name}";
        _ = FolderIsThere.Value;
        using (new FileStream(Path, FileMode.CreateNew))
        {
            // Only its name is wanted.
        }
        try
        {
            Apart(() => Make(inside));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path { get; }

    /// <summary>What readlink of /proc/PID/ns/net shows in brackets.</summary>
    public ulong Inode { get; private set; }

    /// <summary>Runs code on a thread of its own, which may change its namespace: nothing of the pool is touched.</summary>
    public static void Apart(Action code)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                code();
            }
            catch (Exception e)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>
    /// For who is inside: loopback is up, and addresses of IPv6 are usable at once. The kernel would look for others
    /// that have them, for a second or two.
    /// </summary>
    public static unsafe void MakeReady()
    {
        foreach (var devices in new[] { "all", "default" })
        {
            var file = $"/proc/sys/net/ipv6/conf/{devices}/accept_dad";
            if (File.Exists(file))
                File.WriteAllText(file, "0");
        }
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var request = stackalloc byte[40]; // struct ifreq
        "lo"u8.CopyTo(new Span<byte>(request, 16));
        *(short*)(request + 16) = 0x49; // IFF_UP | IFF_LOOPBACK | IFF_RUNNING
        Check(Tmds.Linux.LibC.ioctl((int)socket.Handle, Tmds.Linux.LibC.SIOCSIFFLAGS, request));
    }

    /// <summary>Takes the name away, or what somebody has left of it.</summary>
    public void Dispose()
    {
        _ = umount2(Path, MNT_DETACH);
        File.Delete(Path);
    }

    private void Make(Action inside)
    {
        Check(unshare(CLONE_NEWNET));
        inside();
        var link = File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
        Check(mount("/proc/thread-self/ns/net", Path, "none", MS_BIND, 0));
        Inode = ulong.Parse(link[(link.IndexOf('[') + 1)..^1], CultureInfo.InvariantCulture);
    }

    private static void Check(int result)
    {
        if (result != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
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
