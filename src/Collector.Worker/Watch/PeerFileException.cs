namespace Collector.Worker.Watch;

/// <summary>A token or authorities that talking to an agent takes cannot be had; the message says why.</summary>
internal sealed class PeerFileException : Exception
{
    public PeerFileException()
    {
    }

    public PeerFileException(string message)
        : base(message)
    {
    }

    public PeerFileException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
