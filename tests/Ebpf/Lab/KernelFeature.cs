using System.IO.Compression;
using Collector.Tests.Support;

namespace Ebpf.Tests.Lab;

/// <summary>
/// Something that a kernel has or has not, proved by its version and its build, and never by what the program under
/// test makes of it: a test may be skipped for want of it only where the kernel cannot have it.
/// </summary>
/// <param name="Name">For the skip's reason.</param>
/// <param name="Since">First Linux that has it.</param>
/// <param name="Options">Build options that it needs, all of them.</param>
internal sealed record KernelFeature(string Name, Version Since, params string[] Options)
{
    public static readonly KernelFeature Fentry =
        new("fentry", new(5, 5), "CONFIG_FUNCTION_TRACER", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
        {
            NeedsKernelTypes = true,
            // Built with it, and forbidden to everybody, as by lockdown.
            Refusal = new(() => BpftraceCannot("kfunc:tcp_v4_rcv { exit(); } BEGIN { exit(); }")),
        };

    public static readonly KernelFeature Kprobes = new("kprobes", new(4, 1), "CONFIG_KPROBES");

    public static readonly KernelFeature DirectReading =
        new("bpf_rdonly_cast", new(6, 2), "CONFIG_BPF_JIT") { NeedsKernelTypes = true };

    // Not RuntimeInformation.OSDescription, which is the distribution's name where it says one.
    public static Version Running { get; } = VersionOf(File.ReadAllText("/proc/sys/kernel/osrelease"));

    private static readonly Lazy<HashSet<string>?> Built = new(ReadConfig);

    /// <summary>Typed programs name a function of the kernel's own BTF; that of a file will not do.</summary>
    public bool NeedsKernelTypes { get; init; }

    /// <summary>What another tool says that this kernel refuses; null: it does not, or nobody is to be asked.</summary>
    public Lazy<string?>? Refusal { get; init; }

    /// <summary>Why this kernel cannot have it; null where it can, so that a test which misses it fails.</summary>
    public string? WhyMissing => WhyMissingIn(Running, Built.Value) ?? WhyUntyped ?? Refusal?.Value;

    private string? WhyUntyped => NeedsKernelTypes && !File.Exists("/sys/kernel/btf/vmlinux")
        ? $"no {Name}: there is no /sys/kernel/btf/vmlinux"
        : null;

    private static string? BpftraceCannot(string program)
    {
        if (Shell.Find("bpftrace") is null)
            return null;
        var (code, _, error) = Shell.Try("bpftrace", "-e", program);
        var line = error.Split('\n').FirstOrDefault(l => l.Contains("not available for your kernel"));
        return code != 0 && line is not null ? $"bpftrace too: {line.Trim()}" : null;
    }

    /// <param name="running">A kernel's version.</param>
    /// <param name="built">The options that it was built with; null where nobody tells.</param>
    internal string? WhyMissingIn(Version running, HashSet<string>? built)
    {
        if (running < Since)
            return $"{Name} came with Linux {Since}; this is {running}";
        return built is not null && Options.FirstOrDefault(o => !built.Contains(o)) is { } option
            ? $"no {Name}: this kernel was built without {option}"
            : null;
    }

    // "Linux 6.1.0-18-cloud-amd64 #1 SMP ..." or the release alone.
    internal static Version VersionOf(string description)
    {
        var digits = description.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(c => char.IsAsciiDigit(c) || c == '.');
        var parts = string.Concat(digits).Split('.');
        return new(int.Parse(parts[0]), int.Parse(parts[1]));
    }

    private static HashSet<string>? ReadConfig()
    {
        var release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        if (File.Exists("/proc/config.gz"))
        {
            using var packed = new GZipStream(File.OpenRead("/proc/config.gz"), CompressionMode.Decompress);
            using var reader = new StreamReader(packed);
            return Parse(reader.ReadToEnd());
        }
        var path = $"/boot/config-{release}";
        return File.Exists(path) ? Parse(File.ReadAllText(path)) : null;
    }

    private static HashSet<string> Parse(string config) =>
        [.. config.Split('\n').Where(l => l.EndsWith("=y") || l.EndsWith("=m")).Select(l => l[..l.IndexOf('=')])];
}

/// <summary>The proof itself.</summary>
public sealed class KernelFeatureTests
{
    [Fact]
    public void A_kernel_that_is_new_enough_and_built_with_it_has_no_excuse()
    {
        HashSet<string> built = ["CONFIG_KPROBES", "CONFIG_FUNCTION_TRACER"];
        KernelFeature.Kprobes.WhyMissingIn(new(6, 1), built).ShouldBeNull();
        KernelFeature.Kprobes.WhyMissingIn(new(6, 1), null).ShouldBeNull();
        KernelFeature.Fentry.WhyMissingIn(new(5, 4), []).ShouldNotBeNull().ShouldContain("5.5");
        KernelFeature.Fentry.WhyMissingIn(new(6, 1), built).ShouldNotBeNull().ShouldContain("WITH_DIRECT_CALLS");
    }

    [Theory]
    [InlineData("Linux 6.1.0-18-cloud-amd64 #1 SMP", 6, 1)]
    [InlineData("5.10.0", 5, 10)]
    public void A_release_is_read(string text, int major, int minor) =>
        KernelFeature.VersionOf(text).ShouldBe(new Version(major, minor));
}
