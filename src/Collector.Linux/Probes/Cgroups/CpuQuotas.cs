using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>CPU quotas of cgroups and what came of them, in the files of either version.</summary>
/// <param name="folder">The hierarchy that has them.</param>
/// <param name="isVersion2">Which version it is of.</param>
internal sealed class CpuQuotas(CgroupFolder folder, bool isVersion2)
{
    /// <summary>A processor, in the unit of <see cref="TryReadLimit"/>.</summary>
    public const long Cpu = 1_000_000;

    /// <summary>Failure of a file in another format than the kernel's.</summary>
    public const string Malformed = "malformed";

    /// <summary>Processors that a cgroup may use, in millionths; 0 where it has no quota.</summary>
    /// <returns>False where it cannot be told: a cgroup that is gone, a controller that is off.</returns>
    public bool TryReadLimit(ReadOnlySpan<byte> cgroup, out long limit, out Errno error)
    {
        limit = 0;
        var text = folder.Read(cgroup, isVersion2 ? "/cpu.max\0"u8 : "/cpu.cfs_quota_us\0"u8, out error);
        var fields = new FieldReader(text.TrimEnd((byte)'\n'));
        // "max 100000" or "50000 100000", in version 1 "-1" or "50000".
        if (!fields.TryNextNumber(out var quota) || quota < 0)
            return error == Errno.None;
        if (!isVersion2)
            fields = new FieldReader(folder.Read(cgroup, "/cpu.cfs_period_us\0"u8, out error).TrimEnd((byte)'\n'));
        if (!fields.TryNextNumber(out var period) || period <= 0)
            return false;
        limit = quota * Cpu / period;
        return true;
    }

    /// <summary>What came of it. False with the error, or without one where the file has another format.</summary>
    public bool TryRead(ReadOnlySpan<byte> cgroup, out CpuBandwidth bandwidth, out Errno error) =>
        CpuBandwidth.TryParse(folder.Read(cgroup, "/cpu.stat\0"u8, out error), out bandwidth);
}
