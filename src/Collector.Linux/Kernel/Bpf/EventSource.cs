namespace Collector.Linux.Kernel.Bpf;

/// <summary>A buffer that the pump drains, and who gets its records. Closing it does not make the pump wait.</summary>
internal sealed class EventSource(EventBuffer buffer, IRecordReader reader)
{
    // Held for a turn by the pump, and by who closes it.
    private readonly Lock _turn = new();
    private bool _closed;

    /// <summary>Descriptors that become readable when there are records.</summary>
    public IReadOnlyList<int> Descriptors => buffer.Descriptors;

    /// <summary>A turn of the pump.</summary>
    /// <returns>True when there is more.</returns>
    public bool Drain(int most)
    {
        // Being closed: who does that drains the rest.
        if (!_turn.TryEnter())
            return false;
        try
        {
            return !_closed && buffer.Drain(reader, most);
        }
        finally
        {
            _turn.Exit();
        }
    }

    /// <summary>Waits for the end of the turn that is under way, then takes what is left.</summary>
    public void Close(bool drain)
    {
        lock (_turn)
        {
            if (_closed)
                return;
            _closed = true;
            if (drain)
                buffer.Drain(reader);
            buffer.Dispose();
        }
    }
}
