using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>What else than ready and stopping a service tells (sd_notify(3)).</summary>
internal static class ServiceStates
{
    extension(ServiceState)
    {
        /// <summary>Still alive.</summary>
        public static ServiceState Watchdog => new("WATCHDOG=1");

        /// <summary>
        /// Reloading begins now; <see cref="ServiceState.Ready"/> ends it. The time (CLOCK_MONOTONIC, microseconds) is
        /// required since systemd 253 for Type=notify-reload.
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
    }
}
