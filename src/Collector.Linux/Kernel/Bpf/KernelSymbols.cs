using System.Globalization;
using System.Text;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The kernel's functions by address, from /proc/kallsyms, read when the first is asked for and again when an address
/// lies outside what was known (a module came). Thread-safe. About 30 bytes per function are kept.
/// </summary>
internal sealed class KernelSymbols(KernelPaths paths)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, string> _resolved = [];
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
            if (!_resolved.TryGetValue(_addresses[index], out var name))
                _resolved.Add(_addresses[index], name = TextAt(_names[index]));
            return name;
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
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]);
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
        var addresses = new List<ulong>(80_000);
        var names = new List<int>(80_000);
        var text = new MemoryStream(2_000_000);
        // So that every name stands between two zeros.
        text.WriteByte(0);
        _resolved.Clear();
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

    // Lines as "ffffffff81000000 T _stext" or "... t name [module]"; addresses are 0 without CAP_SYSLOG.
    private static string? Parse(string file, List<ulong> addresses, List<int> names, MemoryStream text)
    {
        var hidden = false;
        try
        {
            foreach (var line in File.ReadLines(file))
            {
                var space = line.IndexOf(' ', StringComparison.Ordinal);
                if (space < 0 || space + 3 >= line.Length || line[space + 1] is not ('t' or 'T' or 'w' or 'W'))
                    continue;
                var address = ulong.Parse(line.AsSpan(0, space), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                hidden |= address == 0;
                var end = line.IndexOf('\t', space + 3);
                var name = line.AsSpan(space + 3, (end < 0 ? line.Length : end) - space - 3);
                addresses.Add(address);
                names.Add((int)text.Position);
                foreach (var c in name)
                    text.WriteByte((byte)c);
                text.WriteByte(0);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{file} cannot be read: {e.Message}";
        }
        return hidden ? "kernel addresses are hidden (needs CAP_SYSLOG, or kernel.kptr_restrict=0)"
            : addresses.Count == 0 ? $"{file} is empty"
            : null;
    }
}
