using System.Text;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Processes;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Processes;

public class ProcessStatTests
{
    private const string Rest =
        " 5917 5917 4635 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 167946 3133440 395 "
        + "18446744073709551615 94230459228160\n";

    [Theory]
    [InlineData("5937 (cat) R", false)]
    [InlineData("5937 (a) b) S (x) Z", true)]
    [InlineData("5937 (tmux: server) S", false)]
    public void A_name_may_look_like_fields(string start, bool zombie)
    {
        ProcessStat.TryParse(Encoding.ASCII.GetBytes(start + Rest), out var stat).ShouldBeTrue();
        stat.ShouldBe(new ProcessStat(5917, 167946, zombie, false));
    }

    [Fact]
    public void Kernel_threads_are_told_by_their_flag()
    {
        // /proc/2/stat of Linux 6.18
        var text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 4 0 0 18446744073709551615 0 0\n"u8;
        ProcessStat.TryParse(text, out var stat).ShouldBeTrue();
        stat.KernelThread.ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("5937 (cat) R")]
    [InlineData("5937 (cat) R 5917 5917 4635 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0")]
    [InlineData("5937 (cat) R x 5917 4635 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 167946 3133440")]
    public void A_truncated_line_is_refused(string text) =>
        ProcessStat.TryParse(Encoding.ASCII.GetBytes(text), out _).ShouldBeFalse();

    [Theory]
    [InlineData("Max open files            1024                 524288               files     \n", 1024)]
    [InlineData("Max processes  1  1  processes\nMax open files            64                   64   files\n", 64)]
    [InlineData("Max open files            unlimited            unlimited            files     \n", null)]
    [InlineData("Max open fi", null)]
    public void Limit_of_open_files(string text, int? soft)
    {
        DescriptorReader.TryParseLimit(Encoding.ASCII.GetBytes(text), out var limit).ShouldBe(soft is not null);
        limit.ShouldBe(soft ?? 0);
    }

    [Fact]
    public void Io_needs_all_its_lines()
    {
        var text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n";
        IoCounters.TryParse(Encoding.ASCII.GetBytes(text), out var io).ShouldBeTrue();
        Enumerable.Range(0, IoCounters.Count).Select(i => io[i]).ShouldBe([1, 2, 3, 4, 5, 6]);
        IoCounters.TryParse(Encoding.ASCII.GetBytes(text.Replace("syscw: 4\n", "")), out _).ShouldBeFalse();
        IoCounters.TryParse(Encoding.ASCII.GetBytes(text[..60]), out _).ShouldBeFalse();
        IoCounters.TryParse(Encoding.ASCII.GetBytes(text.Replace("4", "99999999999999999999")), out _).ShouldBeFalse();
    }

    [Fact]
    public void Any_bytes_are_taken_without_a_crash()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            var stat = ProcessStat.TryParse(bytes, out _);
            var io = IoCounters.TryParse(bytes, out _);
            var limit = DescriptorReader.TryParseLimit(bytes, out var soft) && soft < 0;
            return !stat && !io && !limit;
        }).QuickCheckThrowOnFailure();
    }
}
