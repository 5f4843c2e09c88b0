using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>A message to the service manager: lines of <c>NAME=value</c> as in sd_notify(3).</summary>
public readonly struct ServiceState
{
    private readonly byte[] _data;

    /// <param name="state">One or more assignments, one on each line.</param>
    public ServiceState(string state) => _data = Encoding.UTF8.GetBytes(state);

    /// <summary>Started, or reloaded.</summary>
    public static ServiceState Ready { get; } = new("READY=1");

    public static ServiceState Stopping { get; } = new("STOPPING=1");

    /// <summary>Still alive.</summary>
    public static ServiceState Watchdog { get; } = new("WATCHDOG=1");

    /// <summary>
    /// Reloading begins now; <see cref="Ready"/> ends it. The time (CLOCK_MONOTONIC, microseconds) is required since
    /// systemd 253 for Type=notify-reload.
    /// </summary>
    public static ServiceState Reloading()
    {
        // On Linux a Stopwatch reads CLOCK_MONOTONIC in nanoseconds.
        var microseconds = (long)(Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000.0));
        return new(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// <summary>
    /// One line for <c>systemctl status</c>. A line break in it would begin another assignment: it ends it.
    /// </summary>
    public static ServiceState Status(string text) => new($"STATUS={text.ReplaceLineEndings(" ")}");

    /// <summary>The bytes of the datagram.</summary>
    public byte[] GetData() => _data ?? [];

    public override string ToString() => Encoding.UTF8.GetString(GetData());
}
