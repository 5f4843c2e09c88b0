using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Findings;

/// <summary>What reasons for a drop this kernel can give.</summary>
internal static class Reasons
{
    private static readonly Lazy<HashSet<string>> Known = new(() =>
    {
        var folder = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "";
        using var btf = Btf.TryParse(BtfSearch.Run(new KernelPaths(), folder).Path!, out _);
        return btf?.Enum("skb_drop_reason", "SKB_DROP_REASON_") is { } reasons ? [.. reasons.Values] : [];
    });

    public static bool Has(string name) => Known.Value.Contains(name);
}
