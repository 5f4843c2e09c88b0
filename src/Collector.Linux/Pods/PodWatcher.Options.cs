namespace Collector.Linux.Pods;

/// <summary>Options that change while it looks.</summary>
internal sealed partial class PodWatcher
{
    /// <summary>Takes other options over: the next look is made by them. Pods keep their names until then.</summary>
    public void Reconfigure(PodOptions options)
    {
        if (_signs is null)
        {
            // Nobody looks yet: nothing has to be told.
            Take(options);
            Start();
            return;
        }
        _pending = options;
        Sign();
    }

    private void Take(PodOptions options)
    {
        var before = _options;
        _options = options;
        if (!options.Events || options.RuntimeEndpoint != before.RuntimeEndpoint)
            _listening?.Cancel();
        // Another runtime, or a stream of events: both begin with a connection.
        if (options.RuntimeEndpoint != before.RuntimeEndpoint || options.Events != before.Events)
            _session.Lose();
        _namesOwed |= options.Containers && !before.Containers;
        if (options.Labels.SequenceEqual(before.Labels))
            return;
        _labels = new PodLabels(options.Labels, Statistics.Reject);
        _reader = new SandboxReader(_paths, _namespaces, _session, _labels, Statistics);
        _store.AskAnew();
    }

    private void Listen(CancellationToken stop)
    {
        var listening = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _listening = listening;
        _events = Task.Run(() => _session.ListenAsync(Sign, text => Log(true, text), listening.Token), stop);
    }
}
