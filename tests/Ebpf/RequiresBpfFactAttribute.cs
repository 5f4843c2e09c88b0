using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;

namespace Ebpf.Tests;

/// <summary>
/// A test that loads programs. Skipped only where this machine proves that it cannot: no root, no libbpf, or no type
/// information of the kernel anywhere.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresBpfFactAttribute : FactAttribute
{
    public RequiresBpfFactAttribute(params string[] tools) => Skip = BpfSupport.WhyNot(tools);
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresBpfTheoryAttribute : TheoryAttribute
{
    public RequiresBpfTheoryAttribute(params string[] tools) => Skip = BpfSupport.WhyNot(tools);
}

/// <summary>Whether programs that read kernel structures can be loaded here.</summary>
internal static class BpfSupport
{
    private static readonly Lazy<string?> Refusal = new(() =>
    {
        if (BpfLibrary.Missing is { } missing)
            return missing;
        var folder = Lab.LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "";
        var search = BtfSearch.Run(new KernelPaths(), folder);
        return search.Path is null ? search.Failure : null;
    });

    /// <summary>Null when the test can run, else the reason for its skip.</summary>
    public static string? WhyNot(string[] tools) => RootSupport.WhyNot(tools) ?? Refusal.Value;
}
