using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using CommunityToolkit.HighPerformance.Buffers;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// The nsfs mounts that keep network namespaces alive without a process (<c>ip netns add</c>, CNI). Reads mountinfo
/// only when the kernel says that a mount changed (poll on it, fs/proc_namespace.c).
/// </summary>
internal sealed unsafe class MountWatcher : IDisposable
{
    private readonly Dictionary<ulong, string> _mounts = [];
    private readonly ReadBuffer _buffer = new();
    private readonly ProcFile? _file;
    private readonly SafeFd? _poll;
    private readonly string _root;
    private bool _first = true;

    public MountWatcher(KernelPaths paths)
    {
        _root = "";
        if (paths.Recorded)
            return;
        // Elsewhere process 1 has the node's mounts, and their paths are reached through its root.
        _root = paths.NodeRoot();
        var path = _root.Length > 0 ? $"{paths.Proc}/1/mountinfo" : $"{paths.Proc}/self/mountinfo";
        _file = ProcFile.Open(path);
        _poll = SafeFd.Open(path);
    }

    /// <summary>Path of a mount per namespace inode.</summary>
    public Dictionary<ulong, string> Mounts => _mounts;

    /// <summary>Where this process can open a mount's path.</summary>
    public string PathOf(string mount) => _root + mount;

    /// <summary>Brings <see cref="Mounts"/> up to date; true when it was read anew.</summary>
    public bool Refresh()
    {
        if (_file is null || _poll is null)
            return false;
        if (!Changed() && !_first)
            return false;
        _first = false;
        if (!_buffer.TryRead(_file, out var text, out _))
            return false;
        _mounts.Clear();
        Parse(text, _mounts);
        return true;
    }

    private bool Changed()
    {
        var poll = new pollfd { fd = _poll!.Value, events = POLLPRI };
        return Libc.poll(&poll, 1, 0) > 0 && (poll.revents & (POLLPRI | POLLERR)) != 0;
    }

    /// <summary>
    /// Takes the network namespaces from mountinfo. A line:
    /// <c>36 25 0:4 net:[4026532281] /run/netns/blue rw shared:21 - nsfs nsfs rw</c>.
    /// Where a namespace is mounted several times, the path below /run/netns wins, else the shortest.
    /// </summary>
    internal static void Parse(ReadOnlySpan<byte> mountinfo, Dictionary<ulong, string> into)
    {
        var lines = new LineReader(mountinfo);
        while (lines.TryNext(out var line))
        {
            if (line.IndexOf(" - nsfs "u8) < 0)
                continue;
            var fields = new FieldReader(line);
            ReadOnlySpan<byte> root = default;
            for (var i = 0; i < 4; i++)
            {
                if (!fields.TryNext(out root))
                    break;
            }
            if (root.IsEmpty || !fields.TryNext(out var mount) || NsLink.Parse(root) is var inode && inode == 0)
                continue;
            var path = Unescape(mount);
            if (!into.TryGetValue(inode, out var other) || Rank(path) < Rank(other))
                into[inode] = path;
        }
    }

    private static int Rank(string path) =>
        path.StartsWith("/run/netns/", StringComparison.Ordinal) ? 0 : path.Length;

    // Blank, tab, line feed and backslash are written as octal (mangle() in fs/seq_file.c).
    private static string Unescape(ReadOnlySpan<byte> text)
    {
        if (text.IndexOf((byte)'\\') < 0)
            return NamePool.Of(text);
        using var owner = SpanOwner<byte>.Allocate(text.Length);
        var bytes = owner.Span;
        var n = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && IsOctal(text.Slice(i + 1, 3)))
            {
                bytes[n++] = (byte)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
                i += 3;
            }
            else
            {
                bytes[n++] = text[i];
            }
        }
        return NamePool.Of(bytes[..n]);
    }

    private static bool IsOctal(ReadOnlySpan<byte> digits) =>
        digits[0] is >= (byte)'0' and <= (byte)'3'
        && digits[1] is >= (byte)'0' and <= (byte)'7'
        && digits[2] is >= (byte)'0' and <= (byte)'7';

    public void Dispose()
    {
        _file?.Dispose();
        _poll?.Dispose();
    }
}
