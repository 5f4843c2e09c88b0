using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
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
    private readonly Dictionary<ulong, byte[]> _raw = [];
    private readonly ReadBuffer _buffer = new();
    private readonly ProcFile? _file;
    private readonly SafeFd? _poll;
    private readonly string _root;
    private bool _changed = true;

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

    /// <summary>
    /// Path of a mount per namespace inode. Bytes that are not UTF-8 are shown as <c>\xff</c>, as findmnt does.
    /// </summary>
    public Dictionary<ulong, string> Mounts => _mounts;

    /// <summary>Where this process can open a mount's path.</summary>
    public string PathOf(string mount) => _root + mount;

    /// <summary>
    /// Opens the mount of a namespace. Not to be kept: while this descriptor is open, nobody can unmount it.
    /// </summary>
    /// <exception cref="LinuxException">It is gone, or not ours to see.</exception>
    public SafeFd Open(ulong inode)
    {
        var path = PathOf(_mounts[inode]);
        return _raw.TryGetValue(inode, out var raw)
            ? SafeFd.Open([.. Encoding.UTF8.GetBytes(_root), .. raw, 0], path)
            : SafeFd.Open(path);
    }

    /// <summary>Brings <see cref="Mounts"/> up to date; true when it was read anew.</summary>
    public bool Refresh()
    {
        if (_file is null || _poll is null)
            return false;
        Await(null, 0);
        if (!_changed || !_buffer.TryRead(_file, out var text, out _))
            return false;
        _changed = false;
        _mounts.Clear();
        _raw.Clear();
        Parse(text, _mounts, _raw);
        return true;
    }

    /// <summary>Waits until a mount changes, or somebody wakes us.</summary>
    /// <param name="wake">Becomes readable when the wait is to end; null: nobody wakes us.</param>
    /// <param name="milliseconds">The longest that it waits.</param>
    /// <returns>True when a mount changed since the last <see cref="Refresh"/>.</returns>
    public bool Await(SafeFd? wake, int milliseconds)
    {
        // The kernel tells a change once per open file: it is remembered until the mounts are read. A negative
        // descriptor is not looked at.
        var wanted = stackalloc pollfd[2];
        wanted[0] = new() { fd = _poll?.Value ?? -1, events = POLLPRI };
        wanted[1] = new() { fd = wake?.Value ?? -1, events = POLLIN };
        if (Libc.poll(wanted, 2, milliseconds) > 0)
            _changed |= (wanted[0].revents & (POLLPRI | POLLERR)) != 0;
        return _changed;
    }

    /// <summary>
    /// Takes the network namespaces from mountinfo. A line:
    /// <c>36 25 0:4 net:[4026532281] /run/netns/blue rw shared:21 - nsfs nsfs rw</c>.
    /// Where a namespace is mounted several times, the path below /run/netns wins, else the shortest.
    /// </summary>
    /// <param name="mountinfo">The text.</param>
    /// <param name="into">Gets a path per inode.</param>
    /// <param name="raw">Gets the bytes of those that are not UTF-8.</param>
    internal static void Parse(
        ReadOnlySpan<byte> mountinfo, Dictionary<ulong, string> into, Dictionary<ulong, byte[]>? raw = null)
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
            using var room = SpanOwner<byte>.Allocate(mount.Length);
            var bytes = Unescape(mount, room.Span);
            var path = TextOf(bytes, out var isText);
            if (into.TryGetValue(inode, out var other) && Rank(path) >= Rank(other))
                continue;
            into[inode] = path;
            if (isText)
                raw?.Remove(inode);
            else
                raw?[inode] = bytes.ToArray();
        }
    }

    private static int Rank(string path) =>
        path.StartsWith("/run/netns/", StringComparison.Ordinal) ? 0 : path.Length;

    // Blank, tab, line feed and backslash are written as octal (mangle() in fs/seq_file.c).
    private static ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> text, Span<byte> bytes)
    {
        if (text.IndexOf((byte)'\\') < 0)
            return text;
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
        return bytes[..n];
    }

    private static string TextOf(ReadOnlySpan<byte> bytes, out bool isText)
    {
        isText = Utf8.IsValid(bytes);
        if (isText)
            return NamePool.Of(bytes);
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            var good = Rune.DecodeFromUtf8(bytes, out var rune, out var used) == OperationStatus.Done;
            for (var i = 0; !good && i < used; i++)
                text.Append(CultureInfo.InvariantCulture, $"\\x{bytes[i]:x2}");
            if (good)
                text.Append(rune);
            bytes = bytes[used..];
        }
        return text.ToString();
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
