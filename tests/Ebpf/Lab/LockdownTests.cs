namespace Ebpf.Tests.Lab;

/// <summary>
/// The program on a kernel that lets no program read its memory. Nobody can undo that: only a machine of the lab is
/// locked down, by the last of its tests (Program.cs).
/// </summary>
public sealed class LockdownTests
{
    private const string Confidential = "kernel lockdown is confidentiality: programs may not read the kernel's memory";

    [InLabFact]
    public void Under_confidentiality_it_reads_proc_and_says_why()
    {
        File.WriteAllText(InLabFactAttribute.Lockdown, "confidentiality");
        File.ReadAllText(InLabFactAttribute.Lockdown).ShouldContain("[confidentiality]");
        var here = new FallenBack();
        var unavailable = here.DoctorSays(Confidential);
        unavailable["packetloss"].ShouldContain(Confidential);
        here.LogSays(Confidential);
        here.FiguresAreRight();
    }

    /// <summary>Skipped on a machine that goes on after the tests.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class InLabFactAttribute : FactAttribute
    {
        public const string Lockdown = "/sys/kernel/security/lockdown";

        public InLabFactAttribute()
        {
            if (LabMachine.Kernel is null)
                Skip = "a machine that is locked down stays so until it starts again: only in tests/Kernels";
            else if (LabMachine.Btf is "none")
                Skip = "without type information nothing gets as far as the lockdown";
        }
    }
}
