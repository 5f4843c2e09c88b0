using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>Files by what a file system calls them itself (open_by_handle_at(2)).</summary>
internal static unsafe partial class Libc
{
    public const int MAX_HANDLE_SZ = 128;

    /// <summary>FILEID_KERNFS of include/linux/exportfs.h: the handle is the 64-bit id of a kernfs node.</summary>
    public const int KernfsHandle = 0xfe;

    // int name_to_handle_at(int dirfd, const char *pathname, struct file_handle *handle, int *mount_id, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int name_to_handle_at(
        int dirfd, byte* pathname, file_handle* handle, int* mount_id, int flags);

    // int open_by_handle_at(int mount_fd, struct file_handle *handle, int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int open_by_handle_at(int mount_fd, file_handle* handle, int flags);

    // struct file_handle { unsigned int handle_bytes; int handle_type; unsigned char f_handle[]; };  (fcntl.h)
    public struct file_handle
    {
        public uint handle_bytes;
        public int handle_type;
    }
}
