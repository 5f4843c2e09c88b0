using System.Text.Json;
using Collector.Linux.Findings.Faults;
using Collector.Tests.Support;

namespace Browser.Tests;

/// <summary>
/// Six faults of different kinds, caused every half second while there is a file that says so. Each has a namespace with a name, for
/// an agent to find it and for other tools to look into it.
/// </summary>
internal sealed class InjectedFaults : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);

    private static readonly (string Kind, string Name)[] Wanted =
    [
        ("accept-queue-overflow", "shop"), ("udp-receive-overflow", "metrics"), ("connect-refused", "cart"),
        ("no-route-in", "router"), ("app-closed-with-unread-data", "upload"), ("qdisc-drop", "video"),
    ];

    private readonly List<(Fault Fault, FaultPair Pair, string Name)> _faults = [];
    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _thread;
    private volatile Exception? _failure;

    /// <param name="causing">The file: while it is there they are caused.</param>
    public InjectedFaults(string causing)
    {
        _thread = new Thread(() => Cause(causing)) { IsBackground = true, Name = "faults" };
        try
        {
            foreach (var (kind, word) in Wanted)
            {
                var fault = AllFaults.List.Single(f => f.Finding.Kind == kind);
                var pair = new FaultPair("/proc", _faults.Count);
                var name = $"{word}-{Environment.ProcessId}";
                _faults.Add((fault, pair, name));
                Shell.Run("ip", "netns", "attach", name, $"{Seen(fault, pair).ThreadId}");
            }
        }
        catch
        {
            Remove();
            throw;
        }
        _thread.Start();
    }

    /// <summary>Where to look for what: kind, name and inode of each, as JSON.</summary>
    public string Description => JsonSerializer.Serialize(_faults.Select(static f => new
    {
        kind = f.Fault.Finding.Kind, name = f.Name, inode = $"{Seen(f.Fault, f.Pair).Inode}",
    }));

    /// <summary>Why one could not be caused; null: all were.</summary>
    public Exception? Failure => _failure;

    private static FaultNamespace Seen(Fault fault, FaultPair pair) => fault.AtClient ? pair.Client : pair.Server;

    private void Cause(string causing)
    {
        try
        {
            while (!_end.Wait(Beat))
            {
                if (!File.Exists(causing))
                    continue;
                foreach (var (fault, pair, _) in _faults)
                    pair.Cause(fault);
            }
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    private void Remove()
    {
        foreach (var (_, pair, name) in _faults)
        {
            Shell.Try("ip", "netns", "del", name);
            pair.Dispose();
        }
    }

    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        Remove();
        _end.Dispose();
    }
}
