using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Why output cannot be written.</summary>
public sealed class BrokenOutputException : IOException
{
    public BrokenOutputException()
    {
    }

    public BrokenOutputException(string message)
        : base(message)
    {
    }

    public BrokenOutputException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public BrokenOutputException(string message, int hresult)
        : base(message, hresult)
    {
    }

    /// <summary>True when the reader has seen enough (<c>| head</c>).</summary>
    public bool ReaderGone { get; private init; }

    internal static BrokenOutputException Of(int errno) =>
        new(Marshal.GetPInvokeErrorMessage(errno)) { ReaderGone = errno == EPIPE };
}
