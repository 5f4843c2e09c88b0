using System.Runtime.CompilerServices;
using System.Text;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel;

/// <summary>
/// How many modules the kernel has: with a module come symbols, types and files, so while the number stays, what a
/// probe could not have it still cannot. One system call: a folder of sysfs has a link per folder in it.
/// </summary>
internal sealed class ModuleCount(KernelPaths paths)
{
    private readonly byte[] _path = Encoding.UTF8.GetBytes(paths.Sys + "/module\0");

    /// <summary>Null where the kernel does not say.</summary>
    public long? Now => OperatingSystem.IsLinux() ? Ask() : null;

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe long? Ask()
    {
        statx found;
        fixed (byte* name = _path)
            return Libc.statx(AT_FDCWD, name, 0, STATX_NLINK, &found) == 0 ? (long?)found.stx_nlink : null;
    }
}
