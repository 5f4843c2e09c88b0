using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Namespaces;

/// <summary>
/// How namespaces are entered, and the buffers that they are read into. Belongs to the collection thread.
/// </summary>
internal sealed class NamespaceAccess(KernelPaths paths) : IDisposable
{
    private readonly Lazy<NamespaceEntry> _entry = new(() => new NamespaceEntry(paths.Proc));

    public KernelPaths Paths => paths;

    /// <summary>For text files.</summary>
    public ReadBuffer Buffer { get; } = new();

    /// <summary>For netlink datagrams. 64 KiB: the kernel fills at most 32 KiB a time.</summary>
    public byte[] NetlinkBuffer { get; } = GC.AllocateUninitializedArray<byte>(64 * 1024, pinned: true);

    /// <summary>The thread that enters; there is none before it is needed.</summary>
    public NamespaceEntry Entry => _entry.Value;

    public void Dispose()
    {
        if (_entry.IsValueCreated)
            _entry.Value.Dispose();
    }
}
