using System.Buffers.Binary;
using Collector.Tests.Support;

namespace Ebpf.Tests.Lab;

/// <summary>
/// The tests run on the kernel that the lab promised, with the type information that it promised. Without the lab the
/// promise is the machine's own kernel.
/// </summary>
public sealed class LabTests
{
    private const string KernelBtf = "/sys/kernel/btf/vmlinux";

    [Fact]
    public void The_kernel_is_the_promised_one()
    {
        var running = Shell.Run("uname", "-r").Trim();
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim().ShouldBe(running);
        running.ShouldBe(LabMachine.Kernel ?? running);
    }

    [Fact]
    public void Type_information_is_where_the_lab_promised()
    {
        switch (LabMachine.Btf)
        {
            case "kernel":
                ShouldBeBtf(KernelBtf);
                break;
            case "file":
                File.Exists(KernelBtf).ShouldBeFalse();
                ShouldBeBtf(LabMachine.BtfFile.ShouldNotBeNull());
                break;
            case "none":
                File.Exists(KernelBtf).ShouldBeFalse();
                LabMachine.BtfFile.ShouldBeNull();
                break;
            case null:
                LabMachine.Kernel.ShouldBeNull("the lab tells both or nothing");
                break;
            default:
                Assert.Fail($"NETLENS_LAB_BTF={LabMachine.Btf}");
                break;
        }
    }

    /// <summary>Else every test of a run would skip, and the run pass.</summary>
    [Fact]
    public void With_types_promised_no_test_skips_for_lack_of_them()
    {
        var why = BpfSupport.WhyNot([]);
        if (LabMachine.Btf is "kernel" or "file")
            why.ShouldBeNull();
        else if (LabMachine.Btf is "none")
            why.ShouldNotBeNull().ShouldStartWith("no BTF");
        else
            LabMachine.BtfFile.ShouldBeNull();
    }

    /// <summary>Raw type information (its magic number) that names what every kernel with a network has.</summary>
    private static void ShouldBeBtf(string path)
    {
        var data = File.ReadAllBytes(path);
        BinaryPrimitives.ReadUInt16LittleEndian(data).ShouldBe((ushort)0xEB9F);
        data.AsSpan().IndexOf("\0sk_buff\0"u8).ShouldBeGreaterThan(0);
    }
}
