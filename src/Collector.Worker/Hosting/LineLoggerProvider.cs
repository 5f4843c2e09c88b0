using System.Text;

namespace Collector.Worker.Hosting;

/// <summary>
/// Log lines on standard error, each in one write and before the caller goes on: nothing is lost when the process dies,
/// and no queue or thread is started. We log little enough for that; nothing is logged per row or packet.
/// </summary>
internal sealed class LineLoggerProvider(Stream output, LogStyle style, TimeProvider time) : ILoggerProvider
{
    private const int LargestKept = 16 * 1024;

    private readonly Lock _lock = new();
    private readonly StringBuilder _line = new();
    private long _lost;

    /// <summary>Lines that could not be written.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose() => output.Dispose();

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        lock (_lock)
        {
            LogLine.Append(_line, style, time.GetLocalNow(), level, category, message, exception);
            try
            {
                output.Write(Encoding.UTF8.GetBytes(_line.ToString()));
                output.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Whoever read our lines is gone; that is no reason to stop working.
                Interlocked.Increment(ref _lost);
            }
            _line.Clear();
            if (_line.Capacity > LargestKept)
                _line.Capacity = LargestKept;
        }
    }

    private sealed class LineLogger(LineLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                provider.Write(logLevel, category, formatter(state, exception), exception);
        }
    }
}

public static class LineLoggingExtensions
{
    /// <summary>
    /// Replaces every provider so far by lines on standard error from <paramref name="level"/> up; the frameworks below
    /// us speak from Warning up unless we debug.
    /// </summary>
    public static ILoggingBuilder AddLines(this ILoggingBuilder logging, LogLevel level)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(level);
        var frameworks = level < LogLevel.Information || level > LogLevel.Warning ? level : LogLevel.Warning;
        logging.AddFilter("Microsoft", frameworks);
        logging.AddFilter("System", frameworks);
        // That it started and stops, every lifetime says in a line of its own.
        logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.None);
        logging.Services.AddSingleton<ILoggerProvider>(
            _ => new LineLoggerProvider(Console.OpenStandardError(), LogStyles.Detect(), TimeProvider.System));
        return logging;
    }
}
