using System.Text;
using Collector.Linux.Interop;
using Microsoft.Extensions.Options;

namespace Collector.Worker.Hosting;

/// <summary>
/// Log lines on standard error, each in one write and before the caller goes on: nothing is lost when the process dies,
/// and no queue or thread is started. We log little enough for that; nothing is logged per row or packet. A reader that
/// reads no more costs lines, which are counted and told once it reads again: the agent goes on, and stops when told.
/// </summary>
internal sealed class LineLoggerProvider(Stream output, LogStyle style, TimeProvider time) : ILoggerProvider
{
    private const int LargestKept = 16 * 1024;

    /// <summary>Milliseconds for a reader that reads no more.</summary>
    private const int Patience = 200;

    private readonly Lock _lock = new();
    private readonly StringBuilder _line = new();
    private long _lost;
    private long _told;

    /// <summary>Lines that could not be written.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    private TimeProvider Time => time;

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose() => output.Dispose();

    /// <summary>Standard error as it is.</summary>
    public static Stream StandardError() => OperatingSystem.IsLinux()
        ? new DescriptorStream(StandardStreams.Error, Patience)
        : Console.OpenStandardError();

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        lock (_lock)
        {
            try
            {
                Send(level, category, message, exception);
                TellLost();
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

    private void TellLost()
    {
        if (_lost == _told)
            return;
        Send(LogLevel.Warning, "Log", $"{_lost - _told} lines before this one could not be written", null);
        _told = _lost;
    }

    private void Send(LogLevel level, string category, string message, Exception? exception)
    {
        _line.Clear();
        LogLine.Append(_line, style, time.GetLocalNow(), level, category, message, exception);
        output.Write(Encoding.UTF8.GetBytes(_line.ToString()));
        output.Flush();
    }

    private sealed class LineLogger(LineLoggerProvider provider, string category) : ILogger
    {
        private readonly LineBudget? _budget =
            category.StartsWith("Microsoft.", StringComparison.Ordinal) ? new(provider.Time) : null;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var leftOut = 0L;
            if (logLevel >= LogLevel.Warning && _budget?.TryTake(out leftOut) == false)
                return;
            var message = formatter(state, exception);
            provider.Write(logLevel, category,
                leftOut == 0 ? message : $"{message} ({leftOut} lines more were left out)", exception);
        }
    }
}

internal static class LineLoggingExtensions
{
    /// <summary>Replaces every provider so far by lines on standard error, from a level up that may change.</summary>
    public static ILoggingBuilder AddLines(this ILoggingBuilder logging, LogLevelSwitch level)
    {
        logging.ClearProviders();
        logging.Services.AddSingleton(level);
        logging.Services.AddSingleton<IConfigureOptions<LoggerFilterOptions>>(level);
        logging.Services.AddSingleton<IOptionsChangeTokenSource<LoggerFilterOptions>>(level);
        logging.Services.AddSingleton<ILoggerProvider>(
            _ => new LineLoggerProvider(
                LineLoggerProvider.StandardError(), LogStyles.Detect(), TimeProvider.System));
        return logging;
    }
}
