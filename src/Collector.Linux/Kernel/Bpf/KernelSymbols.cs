using System.Globalization;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The kernel's functions by address. /proc/kallsyms is read when somebody asks for one that was not asked for before,
/// and kept only while that happens. Thread-safe.
/// </summary>
internal sealed class KernelSymbols(KernelPaths paths)
{
    /// <summary>Addresses that are remembered: stacks and places that free packets have some hundred.</summary>
    private const int Most = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (string Name, ulong Offset)> _known = [];
    private SymbolTable? _table;
    private bool _used;
    private long _readAt;
    private long _lookedAt;
    private string? _modules;

    /// <summary>Milliseconds for which modules stay as they were seen.</summary>
    public long Recent { get; init; } = 60_000;

    /// <summary>Why addresses stay without names; null when they get them.</summary>
    public string? Missing { get; private set; }

    /// <summary>True when the kernel has a function of that name, in its modules too.</summary>
    public bool Has(string function)
    {
        lock (_lock)
        {
            ForgetOtherModules();
            return Table().Has(function);
        }
    }

    /// <summary>The function that an address lies in and how far; the empty text when nobody says.</summary>
    public string Name(ulong address, out ulong offset)
    {
        lock (_lock)
        {
            ForgetOtherModules();
            if (!_known.TryGetValue(address, out var found))
                found = LookUp(address);
            offset = found.Offset;
            return found.Name;
        }
    }

    /// <summary><c>symbol+0xoffset</c>, as the kernel prints it; <c>unknown</c> without symbols.</summary>
    public string Describe(ulong address)
    {
        var name = Name(address, out var offset);
        return name.Length == 0 ? "unknown" : string.Create(CultureInfo.InvariantCulture, $"{name}+0x{offset:x}");
    }

    /// <summary>Lets the table go (some 5 MB) when nobody needed it since the last call.</summary>
    /// <returns>True when it went.</returns>
    public bool Release()
    {
        lock (_lock)
        {
            var goes = !_used && _table is not null;
            if (goes)
                _table = null;
            _used = false;
            return goes;
        }
    }

    private (string Name, ulong Offset) LookUp(ulong address)
    {
        // Where names are hidden they stay so: reading costs some 30 ms.
        if (Missing is not null && Environment.TickCount64 - _readAt < Recent)
            return ("", 0);
        var found = Table().Find(address);
        if (Missing is not null)
            return found;
        if (_known.Count >= Most)
            _known.Clear();
        _known.Add(address, found);
        return found;
    }

    private SymbolTable Table()
    {
        _used = true;
        return _table ??= Read();
    }

    private SymbolTable Read()
    {
        _readAt = Environment.TickCount64;
        var table = SymbolTable.Read($"{paths.Proc}/kallsyms", out var missing);
        // A hardened unit has an empty file there (ProtectKernelTunables=); process 1 sees the kernel's.
        if (missing is not null && paths.NodeRoot() is { Length: > 0 } node)
            table = SymbolTable.Read($"{node}/proc/kallsyms", out missing);
        Missing = missing;
        return table;
    }

    private void ForgetOtherModules()
    {
        var now = Environment.TickCount64;
        if (_modules is not null && now - _lookedAt < Recent)
            return;
        _lookedAt = now;
        var modules = Modules();
        if (_modules is not null && _modules != modules)
        {
            _table = null;
            _known.Clear();
        }
        _modules = modules;
    }

    private string Modules()
    {
        try
        {
            // Without how often each is used, which changes all the time.
            return string.Join(' ', File.ReadLines($"{paths.Proc}/modules").Select(l => l.Split(' ', 2)[0]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
