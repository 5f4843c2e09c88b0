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
    }

    public void Dispose() => _sys.Delete(recursive: true);
}
