using System.Globalization;
using Collector.Linux.Interop;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>
/// Whether a file descriptor is the one that $JOURNAL_STREAM names as <c>device:inode</c> (systemd.exec(5)).
/// </summary>
internal static class JournalStream
{
    public static bool Is(int descriptor, string stream) => Identify(descriptor) is { } found && found == stream;

    /// <summary><c>device:inode</c> in decimal, null where the system cannot say.</summary>
    internal static string? Identify(int descriptor) => FileIdentity.Of(descriptor) is { } file
        ? string.Create(CultureInfo.InvariantCulture, $"{file.Device}:{file.Inode}")
        : null;
}
