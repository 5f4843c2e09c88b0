using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Collector.Linux.Kernel.ProcFs;
using CommunityToolkit.HighPerformance.Buffers;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The kernel's functions by address, from /proc/kallsyms, read when the first is asked for and again when an address
/// lies outside what was known (a module came). Thread-safe. About 30 bytes per function are kept.
/// </summary>
internal sealed class KernelSymbols(KernelPaths paths)
{
    /// <summary>Functions of a distribution's kernel with its modules, about.</summary>
    private const int Usual = 128 * 1024;

    /// <summary>Bytes that are read at once; a line has some hundred.</summary>
    private const int Piece = 64 * 1024;

    private readonly Lock _lock = new();
    private ulong[]? _addresses;
    private int[] _names = [];
    private byte[] _text = [];
    private long _readAt = long.MinValue;
    private string _modules = "";

    /// <summary>Why addresses stay without names; null when they get them.</summary>
    public string? Missing { get; private set; }

    /// <summary>True when the kernel has a function of that name, in its modules too.</summary>
    public bool Has(string function)
    {
        lock (_lock)
        {
            EnsureRead();
            return _text.AsSpan().IndexOf(Encoding.ASCII.GetBytes($"\0{function}\0")) >= 0;
        }
    }

    /// <summary>The function that an address lies in and how far; the empty text when nobody says.</summary>
    public string Name(ulong address, out ulong offset)
    {
        offset = 0;
        lock (_lock)
        {
            EnsureRead();
            var index = Find(address);
            if (index < 0)
                return "";
            offset = address - _addresses![index];
            return TextAt(_names[index]);
        }
    }

    /// <summary><c>symbol+0xoffset</c>, as the kernel prints it; <c>unknown</c> without symbols.</summary>
    public string Describe(ulong address)
    {
        var name = Name(address, out var offset);
        return name.Length == 0 ? "unknown" : string.Create(CultureInfo.InvariantCulture, $"{name}+0x{offset:x}");
    }

    private int Find(ulong address)
    {
        if (_addresses is not { Length: > 0 } all || address < all[0])
            return -1;
        var at = Array.BinarySearch(all, address);
        return at >= 0 ? at : ~at - 1;
    }

    private string TextAt(int start)
    {
        var rest = _text.AsSpan(start);
        return NamePool.Of(rest[..rest.IndexOf((byte)0)]);
    }

    private void EnsureRead()
    {
        // Modules come and go; reading costs some 30 ms, so at most once a minute and only while somebody asks.
        if (_addresses is not null && Environment.TickCount64 - _readAt < 60_000)
            return;
        if (_addresses is not null && !ModulesChanged())
            return;
        _readAt = Environment.TickCount64;
        Read();
    }

    private bool ModulesChanged()
    {
        _readAt = Environment.TickCount64;
        var now = Modules();
        var changed = now != _modules;
        _modules = now;
        return changed;
    }

    private string Modules()
    {
        try
        {
            return File.ReadAllText($"{paths.Proc}/modules");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private void Read()
    {
        var addresses = new List<ulong>(Usual);
        var names = new List<int>(Usual);
        var text = new MemoryStream(Usual * 24);
        // So that every name stands between two zeros.
        text.WriteByte(0);
        _modules = Modules();
        Missing = Parse($"{paths.Proc}/kallsyms", addresses, names, text);
        // A hardened unit has an empty file there (ProtectKernelTunables=); process 1 sees the kernel's.
        if (addresses.Count == 0 && paths.NodeRoot() is { Length: > 0 } node)
            Missing = Parse($"{node}/proc/kallsyms", addresses, names, text);
        _text = text.ToArray();
        _names = [.. names];
        var sorted = addresses.ToArray();
        Array.Sort(sorted, _names);
        _addresses = Missing is null ? sorted : [];
    }

    // Lines as "ffffffff81000000 T _stext" or "... t name [module]"; addresses are 0 without CAP_SYSLOG. In pieces and
    // without a string per line: a kernel has more than 100,000, and what they leave behind would stay for hours.
    private static string? Parse(string file, List<ulong> addresses, List<int> names, MemoryStream text)
    {
        using var owner = SpanOwner<byte>.Allocate(Piece);
        var buffer = owner.Span;
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var rest = 0;
            while (stream.Read(buffer[rest..]) is > 0 and var read)
            {
                var piece = buffer[..(rest + read)];
                var whole = piece.LastIndexOf((byte)'\n') + 1;
                var lines = new LineReader(piece[..whole]);
                while (lines.TryNext(out var line))
                    Take(line, addresses, names, text);
                piece[whole..].CopyTo(buffer);
                rest = piece.Length - whole;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{file} cannot be read: {e.Message}";
        }
        return addresses.Contains(0) ? "kernel addresses are hidden (needs CAP_SYSLOG, or kernel.kptr_restrict=0)"
            : addresses.Count == 0 ? $"{file} is empty"
            : null;
    }

    private static void Take(ReadOnlySpan<byte> line, List<ulong> addresses, List<int> names, MemoryStream text)
    {
        if (!Utf8Parser.TryParse(line, out ulong address, out var space, 'x') || space + 3 >= line.Length
            || line[space + 1] is not ((byte)'t' or (byte)'T' or (byte)'w' or (byte)'W'))
        {
            return;
        }
        var name = line[(space + 3)..];
        var module = name.IndexOf((byte)'\t');
        addresses.Add(address);
        names.Add((int)text.Position);
        text.Write(module < 0 ? name : name[..module]);
        text.WriteByte(0);
    }
}
