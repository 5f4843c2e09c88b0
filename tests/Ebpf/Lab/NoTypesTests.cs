using Collector.Tests.Support;

namespace Ebpf.Tests.Lab;

/// <summary>The program where nobody tells the kernel's types, as in a container that has no /sys/kernel/btf.</summary>
public sealed class NoTypesTests
{
    // In a mount namespace of its own, and wherever else types may lie.
    private const string Hide = """
        for folder in /sys/kernel/btf /boot /lib/modules /usr/lib/debug
        do [ ! -d $folder ] || mount -t tmpfs hidden $folder || exit 1
        done
        exec "$@"
        """;

    [RequiresRootFact("unshare", "nstat")]
    public void It_reads_proc_and_says_where_it_has_looked_for_types()
    {
        var there = new FallenBack("unshare", "-m", "--propagation", "private", "sh", "-c", Hide, "hidden");
        const string Reason = "no BTF for kernel ";
        there.DoctorSays(Reason).Values.ShouldContain(r => r.Contains(Reason));
        there.LogSays(Reason);
        there.FiguresAreRight();
    }
}
