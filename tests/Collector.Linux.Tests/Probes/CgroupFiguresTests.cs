using System.Text;
using Collector.Core.Metrics;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Cgroups;

namespace Collector.Linux.Tests.Probes;

/// <summary>Files of cgroups as kernels print them; the probe on real ones is in tests/Ebpf.</summary>
public sealed class CgroupFiguresTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("netlens-cgroup-");

    [Theory]
    // Linux 6.12, version 2
    [InlineData("usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 7\nnr_throttled 3\nthrottled_usec 21\n"
        + "nr_bursts 1\nburst_usec 2\n", 7, 3, 21_000, 1, 2_000)]
    // 5.10, version 2
    [InlineData("usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 7\nnr_throttled 3\nthrottled_usec 21\n",
        7, 3, 21_000, 0, 0)]
    // 6.18, version 1
    [InlineData("nr_periods 7\nnr_throttled 3\nthrottled_time 21\nnr_bursts 1\nburst_time 2\n", 7, 3, 21, 1, 2)]
    public void Bandwidth_is_read_of_either_version(
        string text, long periods, long throttled, long time, long bursts, long burstTime)
    {
        CpuBandwidth.TryParse(Encoding.ASCII.GetBytes(text), out var read).ShouldBeTrue();
        (read.Periods, read.Throttled, read.Time, read.Bursts, read.BurstTime)
            .ShouldBe((periods, throttled, time, bursts, burstTime));
    }

    [Theory]
    [InlineData("")]
    [InlineData("usage_usec 9\nuser_usec 5\nsystem_usec 4\n")] // the root has no quota
    [InlineData("nr_periods x\nnr_throttled 3\nthrottled_usec 21\n")]
    public void What_is_no_bandwidth_is_refused(string text) =>
        CpuBandwidth.TryParse(Encoding.ASCII.GetBytes(text), out _).ShouldBeFalse();

    [Fact]
    public void A_sum_goes_on_when_a_cgroup_begins_anew()
    {
        var sum = default(CpuBandwidth);
        sum.AddSince(default, new() { Periods = 10, Throttled = 4, Time = 100 });
        sum.AddSince(new() { Periods = 10, Throttled = 4, Time = 100 }, new() { Periods = 3, Throttled = 1, Time = 5 });
        (sum.Periods, sum.Throttled, sum.Time).ShouldBe((13, 5, 105));
    }

    [Theory]
    [InlineData(true, "50000 100000\n", null, 500_000, true)]
    [InlineData(true, "max 100000\n", null, 0, true)]
    [InlineData(true, null, null, 0, false)]
    [InlineData(true, "50000\n", null, 0, false)]
    [InlineData(false, "250000\n", "100000\n", 2_500_000, true)]
    [InlineData(false, "-1\n", "100000\n", 0, true)]
    [InlineData(false, "1000\n", null, 0, false)]
    public void The_limit_is_in_millionths_of_a_processor(
        bool version2, string? quota, string? period, long limit, bool known)
    {
        if (quota is not null)
            File.WriteAllText(Path.Combine(_root.FullName, version2 ? "cpu.max" : "cpu.cfs_quota_us"), quota);
        if (period is not null)
            File.WriteAllText(Path.Combine(_root.FullName, "cpu.cfs_period_us"), period);
        using var folder = new CgroupFolder(_root.FullName);
        var quotas = new CpuQuotas(folder, version2);
        quotas.TryReadLimit("."u8, out var read, out var error).ShouldBe(known);
        read.ShouldBe(limit);
        (error == Errno.None).ShouldBe(quota is not null && (version2 || quota[0] == '-' || period is not null));
    }

    [Fact]
    public void Only_what_all_tasks_waited_for_is_optional()
    {
        Pressure.Metrics.Count.ShouldBe(6);
        Pressure.Metrics.ShouldAllBe(m => m.Kind == InstrumentKind.Counter
            && m.Optional == m.Tags.Contains(new("netlens.pressure.stall", "full")));
    }

    public void Dispose() => _root.Delete(recursive: true);
}
