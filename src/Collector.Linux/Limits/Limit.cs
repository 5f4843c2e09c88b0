namespace Collector.Linux.Limits;

/// <summary>
/// One limit, and what it left out at the last collection. Belongs to the collection thread.
/// </summary>
/// <param name="what">What it limits, as an attribute says it.</param>
/// <param name="key">Its key in the configuration.</param>
/// <param name="most">How many there may be.</param>
public sealed class Limit(string what, string key, int most)
{
    private int _shared;

    public string What => what;

    /// <summary>The same for people.</summary>
    public string Words { get; } = what.Replace('_', ' ');

    public string Key => key;

    public int Most { get; internal set; } = most;

    /// <summary>How many were there beyond the limit.</summary>
    public long LeftOut { get; internal set; }

    /// <summary>Takes one of those that all rootless namespaces share.</summary>
    internal bool TryShare()
    {
        if (_shared >= Most)
            return false;
        _shared++;
        return true;
    }

    public override string ToString() => $"{LeftOut} {Words} are left out: {Key} is {Most}";

    internal void Return(int shared) => _shared -= shared;
}
