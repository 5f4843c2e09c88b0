using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>ebpf</c>.</summary>
internal static class EbpfKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("ebpf.btf", AbsolutePath,
            "Folder with vmlinux-RELEASE files (BTF, or ELF with BTF) for kernels that have none of their own.",
            o => o.Ebpf.Btf, (o, v) => o with { Ebpf = o.Ebpf with { Btf = (string?)v } })
        {
            Variable = "NETLENS_EBPF_BTF",
            Example = "/etc/netlens/btf",
        },
        new ValueKey("ebpf.eventBuffer", Choice(
                ("64KiB", 1 << 16), ("128KiB", 1 << 17), ("256KiB", 1 << 18), ("512KiB", 1 << 19), ("1MiB", 1 << 20),
                ("2MiB", 1 << 21), ("4MiB", 1 << 22), ("8MiB", 1 << 23), ("16MiB", 1 << 24)),
            "Memory of each eBPF probe for events on their way out (per CPU before Linux 5.8).",
            o => o.Ebpf.EventBuffer, (o, v) => o with { Ebpf = o.Ebpf with { EventBuffer = (int)v! } })
        {
            Variable = "NETLENS_EBPF_EVENTBUFFER",
        },
    ];
}
