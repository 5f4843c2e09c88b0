namespace Collector.Linux.Sources;

/// <summary>
/// Collections in which a large dump is not asked for again, so that a namespace costs no more than a small one on
/// average, however much its owner puts into it. What was read last stays meanwhile.
/// </summary>
internal struct DumpPause
{
    /// <summary>Answers that may be read each time.</summary>
    private const int Cheap = 256;

    private const int Longest = 64;
    private int _left;

    /// <summary>Called once per collection; true when it is time to ask.</summary>
    public bool TakeTurn()
    {
        if (_left == 0)
            return true;
        _left--;
        return false;
    }

    /// <summary>After a dump that had so many answers.</summary>
    public void Begin(int answers) => _left = Math.Min(answers / Cheap, Longest);
}
