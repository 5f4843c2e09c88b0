using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Pods.Tests.Lab;

/// <summary>Reads the agent's page all the time and keeps who was named on it, and when.</summary>
internal sealed class PageWatch : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _first = new();
    private readonly ConcurrentQueue<Seen> _pages = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private Exception? _failure;

    public PageWatch(NodeAgent agent)
    {
        _thread = new Thread(() => Read(agent));
        _thread.Start();
    }

    /// <summary>How long after the return of RunPodSandbox the pod had a series.</summary>
    public TimeSpan DelayOf(Pod pod)
    {
        Wait.Until(() => _failure is not null || _first.ContainsKey(pod.Uid), $"a series of {pod}");
        return _failure is null ? Stopwatch.GetElapsedTime(pod.Returned, _first[pod.Uid]) : throw _failure;
    }

    /// <summary>
    /// Fails where a page, collected while all of it was true, had the name of another pod on a pod's namespace.
    /// Without any name is allowed: that is what has not been found out yet.
    /// </summary>
    /// <returns>How many times a name was looked at.</returns>
    public int ShouldNeverHaveMixedUp(IEnumerable<Pod> pods)
    {
        if (_failure is not null)
            throw _failure;
        var looked = 0;
        foreach (var pod in pods)
        {
            var netns = pod.Netns.ToString(CultureInfo.InvariantCulture);
            foreach (var page in _pages.Where(p => p.Begun > pod.Born && p.Taken < pod.Ended))
            {
                foreach (var (_, uid) in page.Names.Where(n => n.Netns == netns))
                {
                    uid.ShouldBe(pod.Uid, $"{pod} of namespace {netns}");
                    looked++;
                }
            }
        }
        return looked;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _stop.Dispose();
    }

    private void Read(NodeAgent agent)
    {
        try
        {
            var before = 0.0;
            var last = 0.0;
            while (!_stop.Token.WaitHandle.WaitOne(50))
            {
                var page = agent.Page();
                var now = Stopwatch.GetTimestamp();
                if (page.Time == last)
                    continue;
                (before, last) = (last, page.Time);
                var names = page.Named.Select(s => (s["netlens_netns"]!, s["k8s_pod_uid"]!)).Distinct().ToArray();
                foreach (var (_, uid) in names)
                    _first.TryAdd(uid, now);
                _pages.Enqueue(new Seen(before, last, names));
            }
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    /// <param name="Begun">Unix seconds, not later than the first figure of the page was read.</param>
    /// <param name="Taken">Unix seconds; a figure may have been read a little later.</param>
    /// <param name="Names">Namespaces that had a pod's name, with its UID.</param>
    private sealed record Seen(double Begun, double Taken, (string Netns, string Uid)[] Names);
}
