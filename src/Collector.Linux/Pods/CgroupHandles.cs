using System.Text;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Pods;

/// <summary>
/// Paths of cgroups by their ids, without a walk: since Linux 5.5 the id is the handle by which the kernel opens the
/// folder. Needs CAP_DAC_READ_SEARCH.
/// </summary>
internal sealed unsafe class CgroupHandles : IDisposable
{
    private const int IdSize = sizeof(ulong);
    private static readonly int Flags = O_RDONLY | O_CLOEXEC | O_DIRECTORY;

    private readonly SafeFd _root;
    private readonly byte[] _path = new byte[4096];
    private readonly int _rootLength;

    private CgroupHandles(SafeFd root)
    {
        _root = root;
        _rootLength = PathOf(root).Length;
    }

    /// <summary>Null where the kernel does not know this way, or does not let us go it.</summary>
    /// <param name="root">Where the hierarchy is mounted.</param>
    public static CgroupHandles? Open(string root)
    {
        SafeFd fd;
        try
        {
            fd = SafeFd.Open(root, O_DIRECTORY);
        }
        catch (LinuxException)
        {
            return null;
        }
        var bytes = stackalloc byte[sizeof(file_handle) + MAX_HANDLE_SZ];
        var handle = (file_handle*)bytes;
        handle->handle_bytes = (uint)MAX_HANDLE_SZ;
        byte empty = 0;
        int mount;
        if (name_to_handle_at(fd.Value, &empty, handle, &mount, AT_EMPTY_PATH) == 0
            && *handle is { handle_type: Libc.KernfsHandle, handle_bytes: IdSize }
            && open_by_handle_at(fd.Value, handle, Flags) is var again and >= 0)
        {
            _ = close(again);
            return new CgroupHandles(fd);
        }
        fd.Dispose();
        return null;
    }

    /// <summary>Finds a cgroup; false when nobody could say, as without a free descriptor.</summary>
    /// <param name="id">As bpf_get_current_cgroup_id tells it.</param>
    /// <param name="path">Its path below the root, without the root's; empty when it is gone.</param>
    public bool TryFind(ulong id, out ReadOnlySpan<byte> path)
    {
        path = default;
        var bytes = stackalloc ulong[2];
        var handle = (file_handle*)bytes;
        handle->handle_bytes = IdSize;
        handle->handle_type = Libc.KernfsHandle;
        bytes[1] = id;
        var result = open_by_handle_at(_root.Value, handle, Flags);
        if (result < 0)
            return SafeFd.LastErrno == ESTALE;
        using var fd = new SafeFd(result);
        path = PathOf(fd);
        path = path[Math.Min(_rootLength, path.Length)..];
        return true;
    }

    private ReadOnlySpan<byte> PathOf(SafeFd fd)
    {
        var link = Encoding.ASCII.GetBytes($"/proc/self/fd/{fd.Value}\0");
        fixed (byte* name = link)
        fixed (byte* path = _path)
        {
            var length = readlink(name, path, _path.Length);
            return length <= 0 ? default : _path.AsSpan(0, (int)length);
        }
    }

    public void Dispose() => _root.Dispose();
}
