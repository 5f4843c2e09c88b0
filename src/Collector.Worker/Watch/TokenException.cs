namespace Collector.Worker.Watch;

/// <summary>The token that an agent wants to see cannot be had; the message says why.</summary>
internal sealed class TokenException : Exception
{
    public TokenException()
    {
    }

    public TokenException(string message)
        : base(message)
    {
    }

    public TokenException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
