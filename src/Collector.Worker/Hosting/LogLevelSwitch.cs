using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Hosting;

/// <summary>
/// The level from which on lines are written, which may change at any time; the frameworks below us speak from Warning
/// up unless we debug.
/// </summary>
internal sealed class LogLevelSwitch(LogLevel level)
    : IConfigureOptions<LoggerFilterOptions>, IOptionsChangeTokenSource<LoggerFilterOptions>
{
    private volatile ConfigurationReloadToken _changed = new();
    private LogLevel _level = level;

    public LogLevel Level
    {
        get => _level;
        set
        {
            _level = value;
            Interlocked.Exchange(ref _changed, new()).OnReload();
        }
    }

    public string Name => Options.DefaultName;

    public void Configure(LoggerFilterOptions options)
    {
        var from = Level;
        options.MinLevel = from;
        var frameworks = from < LogLevel.Information || from > LogLevel.Warning ? from : LogLevel.Warning;
        options.AddFilter("Microsoft", frameworks);
        options.AddFilter("System", frameworks);
        // That it started and stops, every lifetime says in a line of its own.
        options.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.None);
    }

    public IChangeToken GetChangeToken() => _changed;
}
