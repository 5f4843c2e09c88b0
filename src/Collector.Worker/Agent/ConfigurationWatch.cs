using Collector.Linux.Interop;

namespace Collector.Worker.Agent;

/// <summary>
/// Tells when the configuration file has another content, however it got it: written in place, renamed into place, or
/// by the links that a ConfigMap swaps. The kernel tells at once (inotify); what it does not tell, such as a folder
/// that comes later or a file on a network, is found by a look now and then.
/// </summary>
/// <param name="file">Path of the file.</param>
internal sealed class ConfigurationWatch(string file) : IDisposable
{
    /// <summary>A content that is the same for so long is whole.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly Dictionary<Place, FileSystemWatcher?> _watchers = [];
    private volatile int _seen;

    /// <summary>The mark of the content that was loaded last.</summary>
    public int Seen
    {
        get => _seen;
        set => _seen = value;
    }

    /// <summary>Ends when there is another content than that which was loaded last.</summary>
    public async Task ChangedAsync(CancellationToken stop)
    {
        while (true)
        {
            Watch();
            if (await SettleAsync(stop) != Seen)
                return;
            await _signal.WaitAsync(Look, stop);
        }
    }

    private async Task<int> SettleAsync(CancellationToken stop)
    {
        var mark = ConfigurationFileState.MarkNow(file);
        while (mark != Seen)
        {
            await Task.Delay(Quiet, stop);
            var before = mark;
            mark = ConfigurationFileState.MarkNow(file);
            if (mark == before)
                break;
        }
        return mark;
    }

    // What is watched may have been taken away, or be another than before: by its number, not only by its name.
    private void Watch()
    {
        var wanted = Places().ToArray();
        foreach (var place in _watchers.Keys.Except(wanted))
        {
            _watchers[place]?.Dispose();
            _watchers.Remove(place);
        }
        foreach (var place in wanted.Where(p => !_watchers.ContainsKey(p)))
            _watchers[place] = Begin(place);
    }

    private IEnumerable<Place> Places()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (Directory.Exists(folder))
            yield return new(folder, Path.GetFileName(file), FileIdentity.Of(folder));
        // The links of a ConfigMap lead to a folder within the folder, which is left as it is and swapped whole.
        if (Target() is { } target && Path.GetDirectoryName(target) is { } other && Directory.Exists(other)
            && !other.StartsWith(folder, StringComparison.Ordinal))
        {
            yield return new(other, Path.GetFileName(target), FileIdentity.Of(other));
        }
    }

    private string? Target()
    {
        try
        {
            return File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private FileSystemWatcher? Begin(Place place)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(place.Folder) { Filters = { place.Name, "..data" } };
            watcher.Changed += (_, _) => Signal();
            watcher.Created += (_, _) => Signal();
            watcher.Deleted += (_, _) => Signal();
            watcher.Renamed += (_, _) => Signal();
            watcher.Error += (_, _) => Signal();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Out of inotify instances, say: looks now and then are left.
            watcher?.Dispose();
            return null;
        }
    }

    private void Signal()
    {
        try
        {
            _signal.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // It has been told already, or nobody listens any more.
        }
    }

    public void Dispose()
    {
        foreach (var watcher in _watchers.Values)
            watcher?.Dispose();
        _signal.Dispose();
    }

    private sealed record Place(string Folder, string Name, FileIdentity? Identity);
}
