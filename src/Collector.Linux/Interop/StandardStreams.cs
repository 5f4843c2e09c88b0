using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Standard input, output and error as the program found them.</summary>
/// <remarks>
/// One that was closed (<c>&gt;&amp;-</c>) is a number that the next file gets, and what is printed would go into it.
/// What a program inherits never has FD_CLOEXEC, and what the runtime has opened until now always has: so one is told
/// from the other.
/// </remarks>
public static class StandardStreams
{
    public const int Input = 0;
    public const int Output = 1;
    public const int Error = 2;
    private const int Count = 3;

    private static readonly bool[] Closed = new bool[Count];

    /// <summary>Looks at them, and fills what is free so that no file gets it. Called first of all.</summary>
    public static unsafe void Secure()
    {
        for (var fd = 0; fd < Count; fd++)
        {
            var flags = fcntl(fd, F_GETFD, 0);
            Closed[fd] = flags < 0 || (flags & FD_CLOEXEC) != 0;
            if (flags >= 0)
                continue;
            fixed (byte* nothing = "/dev/null\0"u8)
                _ = open(nothing, O_RDWR, 0); // The lowest free number: this one.
        }
    }

    /// <summary>False for one that nobody gave to the program.</summary>
    public static bool IsOpen(int descriptor) => descriptor >= Count || !Closed[descriptor];

    /// <summary>Columns of the terminal behind a descriptor; null where there is none.</summary>
    public static int? Columns(int descriptor) => Size(descriptor)?.Columns;

    /// <summary>The size of the terminal behind a descriptor; null where there is none.</summary>
    public static unsafe (int Columns, int Rows)? Size(int descriptor)
    {
        winsize size;
        if (!IsOpen(descriptor) || ioctl(descriptor, TIOCGWINSZ, &size) != 0)
            return null;
        return (Math.Max((int)size.ws_col, 1), Math.Max((int)size.ws_row, 1));
    }
}
