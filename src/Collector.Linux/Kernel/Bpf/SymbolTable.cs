using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Kernel.ProcFs;
using CommunityToolkit.HighPerformance.Buffers;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>The functions of one /proc/kallsyms by address: about 30 bytes for each.</summary>
internal sealed class SymbolTable
{
    /// <summary>Functions of a distribution's kernel with its modules, about.</summary>
    private const int Usual = 128 * 1024;

    /// <summary>Bytes that are read at once; a line has some hundred.</summary>
    private const int Piece = 64 * 1024;

    private readonly List<ulong> _addresses = new(Usual);
    private readonly List<int> _names = new(Usual);
    // So that every name stands between two zeros.
    private readonly ArrayBufferWriter<byte> _text = new(Usual * 24);

    private SymbolTable() => _text.Write("\0"u8);

    /// <summary>Reads a file.</summary>
    /// <param name="file">The path.</param>
    /// <param name="missing">Why addresses stay without names; null when they get them.</param>
    public static SymbolTable Read(string file, out string? missing)
    {
        var table = new SymbolTable();
        missing = table.Parse(file);
        if (missing is not null)
            table._addresses.Clear();
        CollectionsMarshal.AsSpan(table._addresses)
            .Sort(CollectionsMarshal.AsSpan(table._names)[..table._addresses.Count]);
        return table;
    }

    /// <summary>True when there is a function of that name.</summary>
    public bool Has(string function) => _text.WrittenSpan.IndexOf(Encoding.ASCII.GetBytes($"\0{function}\0")) >= 0;

    /// <summary>The function that an address lies in and how far; the empty text below the first.</summary>
    public (string Name, ulong Offset) Find(ulong address)
    {
        var at = _addresses.BinarySearch(address);
        if (at < 0)
            at = ~at - 1;
        if (at < 0)
            return ("", 0);
        var rest = _text.WrittenSpan[_names[at]..];
        return (NamePool.Of(rest[..rest.IndexOf((byte)0)]), address - _addresses[at]);
    }

    // Lines as "ffffffff81000000 T _stext" or "... t name [module]"; addresses are 0 without CAP_SYSLOG. In pieces and
    // without a string per line: a kernel has more than 100,000, and what they leave behind would stay for hours.
    private string? Parse(string file)
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
                    Take(line);
                piece[whole..].CopyTo(buffer);
                rest = piece.Length - whole;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{file} cannot be read: {e.Message}";
        }
        return _addresses.Contains(0) ? "kernel addresses are hidden (needs CAP_SYSLOG, or kernel.kptr_restrict=0)"
            : _addresses.Count == 0 ? $"{file} is empty"
            : null;
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (!Utf8Parser.TryParse(line, out ulong address, out var space, 'x') || space + 3 >= line.Length
            || line[space + 1] is not ((byte)'t' or (byte)'T' or (byte)'w' or (byte)'W'))
        {
            return;
        }
        var name = line[(space + 3)..];
        var module = name.IndexOf((byte)'\t');
        _addresses.Add(address);
        _names.Add(_text.WrittenCount);
        _text.Write(module < 0 ? name : name[..module]);
        _text.Write("\0"u8);
    }
}
