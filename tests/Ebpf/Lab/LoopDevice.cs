using Collector.Tests.Support;

namespace Ebpf.Tests.Lab;

/// <summary>A block device of a test's own, in a file; gone afterwards.</summary>
internal sealed class LoopDevice : IDisposable
{
    private readonly string _file;

    /// <param name="megabytes">Its size.</param>
    /// <param name="folder">Where its file is; null: where temporary files are.</param>
    public LoopDevice(int megabytes, string? folder = null)
    {
        // A module on most kernels, built in on others.
        Shell.Try("modprobe", "loop");
        _file = Path.Combine(folder ?? Path.GetTempPath(), $"netlens-disk-{Guid.NewGuid():N}");
        File.WriteAllBytes(_file, new byte[megabytes * 1024 * 1024]);
        Device = Shell.Run("losetup", "--find", "--show", _file).Trim();
    }

    /// <summary>In /dev.</summary>
    public string Device { get; }

    public string Name => Path.GetFileName(Device);

    /// <summary>What the kernel counts of it: read requests, their sectors, write requests, their sectors.</summary>
    public (long Reads, long ReadSectors, long Writes, long WrittenSectors) Statistics()
    {
        long[] fields = [.. File.ReadAllText($"/sys/block/{Name}/stat")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse)];
        return (fields[0], fields[2], fields[4], fields[6]);
    }

    /// <summary>Requests that it has and has not done.</summary>
    public long InFlight => File.ReadAllText($"/sys/block/{Name}/inflight")
        .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Sum(long.Parse);

    public void Dispose()
    {
        Shell.Run("losetup", "--detach", Device);
        File.Delete(_file);
    }
}
