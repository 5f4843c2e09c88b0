using System.Globalization;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Kernel.Bpf;

public sealed class KernelSymbolsTests : IDisposable
{
    private readonly DirectoryInfo _proc = Directory.CreateTempSubdirectory("netlens-proc-");
    private readonly KernelSymbols _symbols;

    public KernelSymbolsTests()
    {
        Write("modules", "");
        Write("kallsyms", "ffffffff81000200 T second\nffffffff81000100 t first\nffffffff81000300 D data\n"
            + "ffffffffc0000000 t probe\t[virtio_net]\n");
        _symbols = new KernelSymbols(new KernelPaths(_proc.FullName, Recorded: true));
    }

    [Theory]
    [InlineData(0xffffffff81000100, "first+0x0")]
    [InlineData(0xffffffff810001ff, "first+0xff")]
    [InlineData(0xffffffff81000200, "second+0x0")]
    [InlineData(0xffffffff81000310, "second+0x110")]
    [InlineData(0xffffffffc0000010, "probe+0x10")]
    [InlineData(0xffffffff810000ff, "unknown")]
    public void An_address_lies_in_the_function_before_it(ulong address, string text)
    {
        _symbols.Describe(address).ShouldBe(text);
        _symbols.Describe(address).ShouldBe(text);
    }

    [Theory]
    [InlineData("first", true)]
    [InlineData("probe", true)]
    [InlineData("firs", false)]
    [InlineData("irst", false)]
    [InlineData("data", false)]
    public void Only_functions_are_there_by_their_whole_name(string name, bool there) =>
        _symbols.Has(name).ShouldBe(there);

    [Fact]
    public void The_table_goes_when_nobody_needed_it_and_comes_back_for_an_address_that_is_new()
    {
        _symbols.Describe(0xffffffff81000100).ShouldBe("first+0x0");
        _symbols.Release().ShouldBeFalse();
        _symbols.Release().ShouldBeTrue();
        _symbols.Release().ShouldBeFalse();
        Write("kallsyms", "ffffffff81000100 t other\n");

        // Known, so that nothing is read.
        _symbols.Describe(0xffffffff81000100).ShouldBe("first+0x0");
        _symbols.Release().ShouldBeFalse();
        _symbols.Describe(0xffffffff81000101).ShouldBe("other+0x1");
        _symbols.Release().ShouldBeFalse();
        _symbols.Release().ShouldBeTrue();
    }

    [Fact]
    public void Hidden_addresses_are_not_read_again_for_each_question()
    {
        Write("kallsyms", "0000000000000000 T first\n0000000000000000 T second\n");
        _symbols.Describe(0xffffffff81000100).ShouldBe("unknown");
        _symbols.Missing.ShouldNotBeNull().ShouldContain("CAP_SYSLOG");
        _symbols.Release();
        _symbols.Release().ShouldBeTrue();

        _symbols.Describe(0xffffffff81000200).ShouldBe("unknown");

        _symbols.Release().ShouldBeFalse();
        _symbols.Release().ShouldBeFalse();
    }

    [RequiresRootFact("awk")]
    public void They_are_those_that_the_kernel_lists()
    {
        var symbols = new KernelSymbols(new KernelPaths());
        var some = Shell.Run("awk", "$2 ~ /^[tTwW]$/ && NR % 2000 == 0 { print $1, $3 }",
            "/proc/kallsyms").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        some.Length.ShouldBeGreaterThan(20);
        foreach (var line in some)
        {
            var (address, name) = (line.Split(' ')[0], line.Split(' ')[1]);
            symbols.Has(name).ShouldBeTrue(name);
            var found = symbols.Name(ulong.Parse(address, NumberStyles.HexNumber, CultureInfo.InvariantCulture), out var at);
            at.ShouldBe(0ul);
            // Functions of one address have several names.
            Shell.Run("awk", $"$1 == \"{address}\" {{ print $3 }}", "/proc/kallsyms").Split('\n').ShouldContain(found);
        }
    }

    public void Dispose() => _proc.Delete(recursive: true);

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_proc.FullName, file), text);
}
