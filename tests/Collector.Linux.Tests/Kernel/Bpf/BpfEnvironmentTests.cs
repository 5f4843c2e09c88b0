using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Tests.Kernel.Bpf;

public sealed class BpfEnvironmentTests : IDisposable
{
    private readonly DirectoryInfo _sys = Directory.CreateTempSubdirectory("netlens-sys-");

    [Theory]
    [InlineData("none [integrity] confidentiality", "invalid argument (EINVAL)")]
    [InlineData("none integrity [confidentiality]",
        "kernel lockdown is confidentiality: programs may not read the kernel's memory")]
    public void Lockdown_that_forbids_to_read_is_the_reason(string lockdown, string reason)
    {
        Directory.CreateDirectory($"{_sys}/kernel/security");
        File.WriteAllText($"{_sys}/kernel/security/lockdown", lockdown + "\n");
        using var environment = new BpfEnvironment(new KernelPaths(Sys: _sys.FullName), "");
        environment.ExplainRead("invalid argument (EINVAL)").ShouldBe(reason);
        // One that is attached in several ways is refused for other reasons, too.
        environment.Explain("invalid argument (EINVAL)").ShouldBe("invalid argument (EINVAL)");
        var refused = environment.Explain("invalid argument (verifier: unknown func bpf_probe_read_kernel#113)");
        refused.Contains(reason).ShouldBe(reason.StartsWith("kernel"));
    }

    public void Dispose() => _sys.Delete(recursive: true);
}
