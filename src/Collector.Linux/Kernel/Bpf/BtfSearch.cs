using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>A place where BTF was looked for.</summary>
/// <param name="Path">The file.</param>
/// <param name="Verdict">"used", or why it was not.</param>
/// <param name="Used">True for the one that was taken.</param>
public sealed record BtfCandidate(string Path, string Verdict, bool Used);

/// <summary>
/// Finds the running kernel's type information: what the kernel itself offers, else a file for exactly its release.
/// </summary>
public sealed class BtfSearch
{
    private BtfSearch(IReadOnlyList<BtfCandidate> candidates, string release)
    {
        Candidates = candidates;
        Release = release;
    }

    /// <summary>Every place in the order of the search, up to and including the one used.</summary>
    public IReadOnlyList<BtfCandidate> Candidates { get; }

    public string Release { get; }

    /// <summary>The file to use; null when there is none.</summary>
    public string? Path => Candidates.FirstOrDefault(c => c.Used)?.Path;

    /// <summary>
    /// True when the kernel offers its BTF itself: then it also accepts programs that are typed by it.
    /// </summary>
    public bool FromKernel => Candidates.Count > 0 && Candidates[0].Used;

    /// <summary>Why there is none, in one line.</summary>
    public string Failure =>
        $"no BTF for kernel {Release}: searched {string.Join(", ", Candidates.Select(c => $"{c.Path} ({c.Verdict})"))}";

    /// <summary>Looks at the places in order and stops at the first that can be parsed.</summary>
    /// <param name="paths">Where /sys is.</param>
    /// <param name="folder">The configured folder (<c>ebpf.btf</c>); empty for none.</param>
    public static BtfSearch Run(KernelPaths paths, string folder)
    {
        var search = Run(paths, folder, out var btf);
        btf?.Dispose();
        return search;
    }

    /// <summary>The same, and what was parsed on the way, which the caller owns.</summary>
    internal static BtfSearch Run(KernelPaths paths, string folder, out Btf? btf) =>
        Run(paths, folder, OsRelease(paths), paths.NodeRoot() is { Length: > 0 } node ? ["", node] : [""], out btf);

    /// <param name="paths">Where /sys is.</param>
    /// <param name="folder">The configured folder.</param>
    /// <param name="release">Kernel release (uname -r).</param>
    /// <param name="roots">
    /// Prefixes of /boot, /lib and /usr: empty, and the node's where a container or unit hides them.
    /// </param>
    /// <param name="btf">The types found; null when there are none.</param>
    internal static BtfSearch Run(
        KernelPaths paths, string folder, string release, IEnumerable<string> roots, out Btf? btf)
    {
        btf = null;
        var candidates = new List<BtfCandidate>();
        foreach (var path in Places(paths, folder, release).Concat(roots.SelectMany(r => Places(r, release))))
        {
            btf = Btf.TryParse(path, out var reason);
            candidates.Add(new(path, btf is null ? reason : "used", btf is not null));
            if (btf is not null)
                break;
        }
        return new(candidates, release);
    }

    private static IEnumerable<string> Places(KernelPaths paths, string folder, string release)
    {
        yield return $"{paths.Sys}/kernel/btf/vmlinux";
        if (folder.Length > 0)
        {
            yield return $"{folder}/vmlinux-{release}";
            yield return $"{folder}/{release}.btf";
            yield return $"{folder}/vmlinux-{release}.btf";
        }
    }

    private static IEnumerable<string> Places(string root, string release)
    {
        yield return $"{root}/boot/vmlinux-{release}";
        yield return $"{root}/lib/modules/{release}/vmlinux-{release}";
        yield return $"{root}/lib/modules/{release}/build/vmlinux";
        yield return $"{root}/usr/lib/modules/{release}/kernel/vmlinux";
        yield return $"{root}/usr/lib/debug/boot/vmlinux-{release}";
        yield return $"{root}/usr/lib/debug/boot/vmlinux-{release}.debug";
        yield return $"{root}/usr/lib/debug/lib/modules/{release}/vmlinux";
    }

    private static string OsRelease(KernelPaths paths)
    {
        try
        {
            return File.ReadAllText($"{paths.Proc}/sys/kernel/osrelease").Trim();
        }
        catch (IOException)
        {
            return Environment.OSVersion.Version.ToString();
        }
    }
}
