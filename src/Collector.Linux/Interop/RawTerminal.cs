using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>
/// The terminal of standard input, set to give every key at once and to show none. Ctrl-C still is a signal; Ctrl-Z is
/// a key like others, for whoever runs in a container has no shell that would go on.
/// </summary>
public sealed unsafe class RawTerminal : IDisposable
{
    private readonly termios _before;
    private bool _left;

    private RawTerminal(termios before) => _before = before;

    /// <summary>Sets it; null where standard input is no terminal.</summary>
    public static RawTerminal? Enter()
    {
        termios settings;
        if (!StandardStreams.IsOpen(StandardStreams.Input) || tcgetattr(StandardStreams.Input, &settings) != 0)
            return null;
        var terminal = new RawTerminal(settings);
        terminal.Again();
        return terminal;
    }

    /// <summary>Sets it once more: whoever had it in between may have changed it.</summary>
    public void Again()
    {
        var settings = _before;
        settings.c_lflag &= ~(ICANON | ECHO | IEXTEN);
        settings.c_iflag &= ~IXON;
        settings.c_cc[VMIN] = 1;
        settings.c_cc[VTIME] = 0;
        settings.c_cc[VSUSP] = 0;
        _ = tcsetattr(StandardStreams.Input, (int)TCSADRAIN, &settings);
    }

    /// <summary>Waits until somebody has typed, or nobody can any more.</summary>
    /// <param name="patience">Milliseconds.</param>
    /// <returns>False where there is nothing to read.</returns>
    public static bool IsTyped(int patience)
    {
        var wait = new pollfd { fd = StandardStreams.Input, events = POLLIN };
        return Libc.poll(&wait, 1, patience) > 0;
    }

    /// <summary>What was typed.</summary>
    /// <param name="bytes">Takes it.</param>
    /// <returns>How many bytes; -1 once nobody can type any more.</returns>
    public static int Read(Span<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var count = read(StandardStreams.Input, start, bytes.Length);
            if (count > 0)
                return (int)count;
            var error = SafeFd.LastErrno;
            return count < 0 && (error == EAGAIN || error == EINTR) ? 0 : -1;
        }
    }

    /// <summary>Leaves it as it was.</summary>
    public void Dispose()
    {
        if (_left)
            return;
        _left = true;
        var before = _before;
        _ = tcsetattr(StandardStreams.Input, (int)TCSADRAIN, &before);
    }
}
