using System.Runtime.InteropServices;
using Collector.Tests.Support;

namespace Windows.Tests;

/// <summary>
/// A test of the Windows program under Wine, in a network namespace. Skipped only where this machine proves that it
/// cannot: no Wine, which only a whole ./test installs, not x64, or no namespaces.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresWineFactAttribute : FactAttribute
{
    public RequiresWineFactAttribute() => Skip =
        RuntimeInformation.OSArchitecture != Architecture.X64 ? "needs x64"
        : Wine.Program is null ? "wine is not installed"
        : RootSupport.WhyNot(["busybox", "python3"]);
}
