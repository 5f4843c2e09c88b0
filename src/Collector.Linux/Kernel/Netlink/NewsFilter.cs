using Collector.Linux.Interop;
using static Collector.Linux.Interop.sock_filter;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>
/// A program in the kernel, before a route socket's queue, which lets nothing through that tells of classes, filters,
/// actions and chains. They come in the group of the qdiscs, nobody here wants them, and where filters change by the
/// thousand they would leave no room for news of devices.
/// </summary>
/// <remarks>
/// A netlink datagram begins with nlmsghdr in the machine's order of bytes, and a classic program loads in the
/// network's: so of nlmsg_type the low byte alone is loaded. No type of rtnetlink is above 255.
/// </remarks>
internal static unsafe class NewsFilter
{
    private static readonly sock_filter[] Program =
    [
        new() { code = BPF_LD | BPF_B | BPF_ABS, k = BitConverter.IsLittleEndian ? 4u : 5u },
        new() { code = BPF_JMP | BPF_JGE | BPF_K, k = Rtnl.RTM_NEWTCLASS, jf = 3 },
        new() { code = BPF_JMP | BPF_JGT | BPF_K, k = Rtnl.RTM_GETACTION, jf = 3 },
        new() { code = BPF_JMP | BPF_JGE | BPF_K, k = Rtnl.RTM_NEWCHAIN, jf = 1 },
        new() { code = BPF_JMP | BPF_JGT | BPF_K, k = Rtnl.RTM_GETCHAIN, jf = 1 },
        new() { code = BPF_RET | BPF_K, k = uint.MaxValue }, // All of it goes on.
        new() { code = BPF_RET | BPF_K, k = 0 },
    ];

    /// <summary>False where the kernel refused it: then there is less room, and nothing else is different.</summary>
    public static bool Attach(int socket)
    {
        fixed (sock_filter* first = Program)
        {
            var program = new sock_fprog { len = (ushort)Program.Length, filter = first };
            return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(sock_fprog)) == 0;
        }
    }
}
