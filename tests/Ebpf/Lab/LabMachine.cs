namespace Ebpf.Tests.Lab;

/// <summary>What tests/Kernels promised about the machine; all null on a machine that it did not boot.</summary>
internal static class LabMachine
{
    /// <summary>Release of the kernel, as uname -r shows it.</summary>
    public static string? Kernel { get; } = Read("NETLENS_LAB_KERNEL");

    /// <summary>"kernel": in /sys/kernel/btf; "file": only in <see cref="BtfFile"/>; "none": nowhere.</summary>
    public static string? Btf { get; } = Read("NETLENS_LAB_BTF");

    /// <summary>Raw type information of the running kernel, where /sys/kernel/btf is hidden.</summary>
    public static string? BtfFile { get; } = Read("NETLENS_LAB_BTF_FILE");

    /// <summary>Pairs of queues that its virtio-net devices have at most; 1 on a machine that the lab did not boot.</summary>
    public static int Queues { get; } = int.Parse(Read("NETLENS_LAB_QUEUES") ?? "1");

    /// <summary>
    /// What this machine is to run where several share the tests of a kernel (NETLENS_LAB_PART is "1/2", "2/2"): whole
    /// classes, in the order of their names one for each machine in turn.
    /// </summary>
    public static IEnumerable<T> PartOf<T>(IEnumerable<T> tests, Func<T, string> nameOfClass)
    {
        var part = (Read("NETLENS_LAB_PART") ?? "1/1").Split('/');
        var (mine, parts) = (int.Parse(part[0]) - 1, int.Parse(part[1]));
        return tests.ToLookup(nameOfClass, StringComparer.Ordinal).OrderBy(c => c.Key, StringComparer.Ordinal)
            .Where((_, i) => i % parts == mine).SelectMany(c => c);
    }

    private static string? Read(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } v ? v : null;
}
