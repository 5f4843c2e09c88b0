using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <content>To make a network namespace, and find its devices.</content>
internal static partial class Libc
{
    // int unshare(int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int unshare(int flags);

    // unsigned int if_nametoindex(const char *ifname);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint if_nametoindex(string ifname);
}
