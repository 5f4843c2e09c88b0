using System.Net.Sockets;
using System.Runtime.Versioning;
using Collector.Linux.Interop;

namespace Collector.Worker.Http;

/// <summary>A Unix socket that its owner, its group and root may connect to, and nobody else ever could.</summary>
internal static class LocalSocket
{
    private const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private const UnixFileMode FolderMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Binds one and listens, so that nobody takes it for a dead one.</summary>
    /// <exception cref="HttpListenException">It cannot be had.</exception>
    public static Socket Open(string path)
    {
        try
        {
            if (OperatingSystem.IsLinux())
                PrepareFolder(Path.GetDirectoryName(path)!);
            RemoveStale(path);
            return Bind(path);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or LinuxException)
        {
            throw new HttpListenException($"cannot listen on unix:{path}: {ReasonOf(e, path)}", e);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void PrepareFolder(string folder)
    {
        // Only the last one: a whole path that is not there is a mistake.
        if (!Path.Exists(folder) && Directory.Exists(Path.GetDirectoryName(folder)))
            Directory.CreateDirectory(folder, FolderMode);
        if (SocketFile.FolderFault(folder) is { } fault)
            throw new IOException($"the folder {folder}: {fault}");
    }

    /// <summary>A killed agent leaves its socket file behind. One that nobody answers on is taken away.</summary>
    private static void RemoveStale(string path)
    {
        // A plain file refuses connections too, and stays whatever is in it: it is somebody's.
        if (!SpecialFile.IsSocket(path))
            return;
        // Whoever hangs with a full queue is alive: his socket is not waited for.
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            Blocking = false,
        };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
        catch (SocketException)
        {
            // Somebody's: binding says so.
        }
    }

    private static Socket Bind(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            void Named() => socket.Bind(new UnixDomainSocketEndPoint(path));
            if (OperatingSystem.IsLinux())
                SocketFile.Bind(socket.Handle, Mode, path, Named);
            else
                Named();
            socket.Listen();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string ReasonOf(Exception e, string path) =>
        e is SocketException { SocketErrorCode: SocketError.AccessDenied }
            ? $"permission denied in {Path.GetDirectoryName(path)}"
            : HttpListenException.ReasonOf(e) ?? e.Message;
}
