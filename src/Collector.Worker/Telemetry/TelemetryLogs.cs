namespace Collector.Worker.Telemetry;

/// <summary>Passes the agent's log lines on to the SDK's providers of the moment, which a reload replaces.</summary>
internal sealed class TelemetryLogs : ILoggerProvider
{
    private volatile ILoggerFactory? _target;

    /// <summary>Where they go; null: nowhere.</summary>
    public ILoggerFactory? Target
    {
        set => _target = value;
    }

    public ILogger CreateLogger(string categoryName) => new PassingLogger(this, categoryName);

    public void Dispose() => _target = null;

    private sealed class PassingLogger(TelemetryLogs logs, string category) : ILogger
    {
        private volatile Bound? _bound;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None && logs._target is not null;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (logs._target is not { } target)
                return;
            try
            {
                var bound = _bound;
                if (bound?.Target != target)
                    _bound = bound = new(target, target.CreateLogger(category));
                bound.Logger.Log(logLevel, eventId, state, exception, formatter);
            }
            catch (ObjectDisposedException)
            {
                // Replaced in this very moment.
            }
        }

        private sealed record Bound(ILoggerFactory Target, ILogger Logger);
    }
}
