using System.Collections.Concurrent;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// A thread of its own that enters a namespace to open things there. Entering is setns(2), which changes the thread, so
/// no thread of the pool may do it. What is opened inside (files of /proc/thread-self/net, sockets) stays in the
/// namespace and is read from anywhere.
/// </summary>
public sealed class NamespaceEntry : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private readonly string _ownPath;
    private SafeFd? _own;

    public NamespaceEntry(string procPath)
    {
        _ownPath = $"{procPath}/thread-self/ns/net";
        _thread = new Thread(Loop, 128 * 1024) { IsBackground = true, Name = "netns-entry" };
        _thread.Start();
    }

    /// <summary>Runs <paramref name="open"/> inside the namespace and waits for it.</summary>
    /// <exception cref="LinuxException">
    /// setns was refused (needs CAP_SYS_ADMIN), or what <paramref name="open"/> threw.
    /// </exception>
    public T Run<T>(SafeFd ns, Func<T> open)
    {
        var done = new TaskCompletionSource<T>();
        _work.Add(() =>
        {
            try
            {
                done.SetResult(Inside(ns, open));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    private T Inside<T>(SafeFd ns, Func<T> open)
    {
        _own ??= SafeFd.Open(_ownPath);
        if (setns(ns.Value, CLONE_NEWNET) != 0)
            throw LinuxException.Last("setns to a network namespace (needs CAP_SYS_ADMIN)");
        try
        {
            return open();
        }
        finally
        {
            // The way back needs no more than the way in. Were it refused, every later file would be of the wrong
            // namespace: numbers under a wrong name are worse than no agent.
            if (setns(_own.Value, CLONE_NEWNET) != 0)
                Environment.FailFast(
                    "cannot return to the agent's own network namespace", LinuxException.Last("setns"));
        }
    }

    private void Loop()
    {
        foreach (var work in _work.GetConsumingEnumerable())
            work();
        _own?.Dispose();
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join(TimeSpan.FromSeconds(2));
        _work.Dispose();
    }
}
