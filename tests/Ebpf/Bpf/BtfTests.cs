using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>The search for the kernel's type information and what is read from it.</summary>
public sealed class BtfTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("netlens-btf-").FullName;

    private static string? KernelBtf =>
        File.Exists("/sys/kernel/btf/vmlinux") ? "/sys/kernel/btf/vmlinux" : LabMachine.BtfFile;

    [RequiresBpfFact("bpftool")]
    public void Enumerators_are_those_that_bpftool_shows()
    {
        using var btf = Btf.TryParse(KernelBtf!, out _).ShouldNotBeNull();
        // In every kernel since long; "[n] ENUM 'tcp_ca_state' ..." then "'TCP_CA_Open' val=0".
        var states = btf.Enum("tcp_ca_state", "TCP_CA_").ShouldNotBeNull();
        var shown = Shell.Run("bpftool", "btf", "dump", "file", KernelBtf!, "format", "raw").Split('\n')
            .Where(l => l.Contains("'TCP_CA_", StringComparison.Ordinal)).Select(l => l.Trim())
            .Select(l => (Name: l.Split('\'')[1]["TCP_CA_".Length..], Value: int.Parse(l.Split("val=")[1])));
        states.Select(s => (s.Value, s.Key)).Order().ShouldBe(shown.Distinct().Order());
        btf.Enum("no_such_enum", "").ShouldBeNull();
    }

    [RequiresBpfFact]
    public void Arguments_of_tracepoints_have_their_types()
    {
        using var btf = Btf.TryParse(KernelBtf!, out _).ShouldNotBeNull();
        var arguments = btf.TracepointArguments("kfree_skb").ShouldNotBeNull();
        arguments[0].ShouldBe("sk_buff*");
        arguments[1].ShouldBe("void*");
        arguments.Count.ShouldBeInRange(2, 5);
        // The reason came with 5.17, and with it the enum.
        (arguments.ElementAtOrDefault(2) == "skb_drop_reason").ShouldBe(btf.Enum("skb_drop_reason", "") is not null);
        btf.TracepointArguments("no_such_tracepoint").ShouldBeNull();
    }

    [RequiresBpfFact("bpftool", "gcc", "objcopy")]
    public void Raw_files_and_ELF_files_are_found_in_order_and_every_rejection_has_a_reason()
    {
        const string Release = "9.9.9-test";
        Directory.CreateDirectory($"{_root}/boot");
        Directory.CreateDirectory($"{_root}/usr/lib/debug/boot");
        Directory.CreateDirectory($"{_root}/folder");
        File.WriteAllText($"{_root}/folder/vmlinux-{Release}", "neither");
        // An ELF file without the section, then one with it.
        File.WriteAllText($"{_root}/empty.c", "int main(void) { return 0; }");
        Shell.Run("gcc", "-o", $"{_root}/boot/vmlinux-{Release}", $"{_root}/empty.c");
        var elf = $"{_root}/usr/lib/debug/boot/vmlinux-{Release}";
        File.Copy(KernelBtf!, $"{_root}/raw");
        Shell.Run("objcopy", "--add-section", $".BTF={_root}/raw", $"{_root}/boot/vmlinux-{Release}", elf);

        var search = BtfSearch.Run(
            new KernelPaths(Sys: $"{_root}/sys"), $"{_root}/folder", Release, [_root], out var found);
        using var btf = found.ShouldNotBeNull();

        search.Path.ShouldBe(elf);
        search.FromKernel.ShouldBeFalse();
        search.Candidates.Select(c => (Path.GetRelativePath(_root, c.Path), c.Verdict)).ShouldBe(
        [
            ("sys/kernel/btf/vmlinux", "not there"),
            ($"folder/vmlinux-{Release}", "neither BTF nor an ELF file with BTF"),
            ($"folder/{Release}.btf", "not there"),
            ($"folder/vmlinux-{Release}.btf", "not there"),
            ($"boot/vmlinux-{Release}", "an ELF file without a .BTF section"),
            ($"lib/modules/{Release}/vmlinux-{Release}", "not there"),
            ($"lib/modules/{Release}/build/vmlinux", "not there"),
            ($"usr/lib/modules/{Release}/kernel/vmlinux", "not there"),
            ($"usr/lib/debug/boot/vmlinux-{Release}", "used"),
        ]);
        btf.Types.ShouldBeGreaterThan(1000u);
    }

    [Fact]
    public void Without_any_the_failure_names_the_kernel_and_the_places()
    {
        var paths = new KernelPaths(Sys: $"{_root}/sys");
        var search = BtfSearch.Run(paths, "", "9.9.9-test", [_root], out var none);
        none.ShouldBeNull();
        search.Path.ShouldBeNull();
        search.Failure.ShouldStartWith($"no BTF for kernel 9.9.9-test: searched {_root}/sys/kernel/btf/vmlinux (not there)");
    }

    [RequiresBpfFact("bpftool")]
    public void A_probe_runs_with_a_file_of_types_instead_of_the_kernels_own()
    {
        File.Copy(KernelBtf!, $"{_root}/vmlinux-{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}");
        using var environment = new BpfEnvironment(new KernelPaths(Sys: $"{_root}/sys"), _root);
        environment.Search.FromKernel.ShouldBeFalse();
        environment.CustomBtf.ShouldNotBeNull();
        var image = BpfImage.Find("packetloss", !BpfLibrary.HasRingBuffers);
        using var loaded = AttachLadder.Climb(
            environment, image, [new Hook("drops", new Way("kfree_skb_btf"), new Way("kfree_skb_raw"))],
            _ => { }, _ => { }, out var report);
        report.Failure.ShouldBeNull();
        // Typed programs need the kernel's own; raw ones are fitted by the file.
        report.Hooks.Single().Taken.ShouldNotBeNull().Sections.ShouldBe("raw_tp/kfree_skb");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
