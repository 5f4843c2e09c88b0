using System.Runtime.InteropServices;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Namespaces;

/// <summary>A descriptor, and the namespace that it is one of: see namespaces.bpf.c.</summary>
[BpfStruct("namespace_place")]
[StructLayout(LayoutKind.Sequential)]
internal struct NamespacePlace
{
    public ulong Net;
    public ulong Cookie;
    public uint Fd;
    public uint Inum;
}

/// <summary>
/// Finds where the kernel keeps each namespace that the registry holds (<see cref="NamespaceHandle.NetAddress"/>),
/// without the kernel's symbols: a program follows the namespace's descriptor in the calling thread's own files. What
/// it finds is compared with what is known of the namespace, and stays true while the descriptor is open.
/// </summary>
/// <remarks>
/// Nothing is loaded before the first part of a collection asks. Belongs to the collection thread.
/// </remarks>
internal sealed class NetAddresses(BpfHost bpf, NamespaceRegistry namespaces) : IDisposable
{
    private const string Source = "namespaces";
    private readonly List<NamespaceHandle> _batch = [];
    private readonly ulong[] _arguments = new ulong[1];
    private readonly HashSet<object> _users = [];
    private MappedArray<NamespacePlace>? _places;
    private BpfProgram? _find;
    private long _version = -1;

    /// <summary>The loaded programs; null before <see cref="Start"/>, and where it failed.</summary>
    public BpfObject? Programs { get; private set; }

    /// <summary>Why there are no addresses, or not of all namespaces; empty while nothing is wrong.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>Loads the programs, once, and finds the namespaces that are there.</summary>
    /// <param name="user">Who needs them, until <see cref="Release"/>.</param>
    /// <returns>False with <see cref="Failure"/> set: this kernel does not take them.</returns>
    public bool Start(object user)
    {
        if (Programs is null && (Failure.Length > 0 || !Load()))
            return false;
        _users.Add(user);
        return true;
    }

    /// <summary>Gives the programs back once nobody needs them.</summary>
    public void Release(object user)
    {
        if (_users.Remove(user) && _users.Count == 0)
            Dispose();
    }

    private bool Load()
    {
        BpfObject? loaded = null;
        try
        {
            loaded = bpf.LoadToRun(Source);
            _places = new MappedArray<NamespacePlace>(loaded.Map("places"), writable: true);
            _find = loaded.Program("find_namespaces");
            Programs = loaded;
            _version = -1;
            Refresh();
            return true;
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            loaded?.Dispose();
            Failure = e.Message;
            return false;
        }
    }

    /// <summary>Finds the namespaces that came since the last call.</summary>
    public void Refresh()
    {
        if (Programs is null || namespaces.Version == _version)
            return;
        _version = namespaces.Version;
        Failure = "";
        for (var i = 0; i < namespaces.All.Count; i++)
        {
            var handle = namespaces.All[i];
            if (handle.NetAddress != 0 || handle.Descriptor < 0)
                continue;
            _batch.Add(handle);
            if (_batch.Count == _places!.Values.Length)
                Find();
        }
        Find();
    }

    private void Find()
    {
        if (_batch.Count == 0)
            return;
        var places = _places!.Values;
        for (var i = 0; i < _batch.Count; i++)
            places[i] = new NamespacePlace { Fd = (uint)_batch[i].Descriptor };
        _arguments[0] = (ulong)_batch.Count;
        var error = _find!.Run(_arguments, out _);
        if (error == Errno.None)
        {
            for (var i = 0; i < _batch.Count; i++)
                Take(places[i], _batch[i]);
        }
        else
        {
            // Again with the next collection.
            Failure = $"the program that finds namespaces cannot be run: {BpfObject.Reason(error.Number)}";
            _version = -1;
        }
        _batch.Clear();
    }

    private void Take(in NamespacePlace place, NamespaceHandle handle)
    {
        var known = handle.Namespace;
        var same = place.Net != 0 && place.Inum == known.Inode
            && (place.Cookie == 0 || known.Cookie == 0 || place.Cookie == known.Cookie);
        if (same)
            handle.NetAddress = place.Net;
        else
            Failure = $"the kernel has {place.Inum} ({place.Cookie}) where namespace {known.Inode} ({known.Cookie}) is";
    }

    /// <summary>Forgets why it could not start: it may find another kernel's types now.</summary>
    public void Retry()
    {
        if (Programs is null)
            Failure = "";
    }

    public void Dispose()
    {
        _places?.Dispose();
        _places = null;
        Programs?.Dispose();
        Programs = null;
    }
}
