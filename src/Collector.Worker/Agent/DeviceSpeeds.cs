using System.Globalization;
using Collector.Linux.Kernel;
using Collector.Worker.Configuration;

namespace Collector.Worker.Agent;

/// <summary>
/// Speeds of the node's own devices, as /sys/class/net/NAME/speed has them. The kernel asks the driver each time, under
/// the lock of all devices: so it is read when somebody looks, and what was read stays for a minute. Safe to use from
/// several threads.
/// </summary>
/// <param name="paths">Where the machine's files are.</param>
internal sealed class DeviceSpeeds(Func<PathOptions> paths)
{
    /// <summary>Devices that are asked of, per minute.</summary>
    private const int Most = 128;

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long?> _speeds = new(StringComparer.Ordinal);
    private string _folder = "";
    private long _read;

    /// <summary>Bits per second; null where the driver does not tell, or the link is down.</summary>
    public long? Of(string device)
    {
        lock (_lock)
        {
            if (_read == 0 || TimeProvider.System.GetElapsedTime(_read) > Fresh)
            {
                _speeds.Clear();
                _read = TimeProvider.System.GetTimestamp();
                _folder = Folder(paths());
            }
            if (_speeds.TryGetValue(device, out var known))
                return known;
            return _speeds.Count < Most ? _speeds[device] = Read(Path.Combine(_folder, device, "speed")) : null;
        }
    }

    // That of process 1, where ours is a container's: it shows the devices of the namespace that it was mounted in.
    private static string Folder(PathOptions paths)
    {
        var root = new KernelPaths(paths.Proc, paths.Sys).NodeRoot();
        return root.Length > 0 ? $"{root}/sys/class/net" : $"{paths.Sys}/class/net";
    }

    private static long? Read(string path)
    {
        try
        {
            // In millions; -1 where nobody knows.
            return int.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out var speed) && speed > 0
                ? speed * 1_000_000L
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
