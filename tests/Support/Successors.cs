namespace Collector.Tests.Support;

/// <summary>Namespaces that are made until one has got the number of another that is gone.</summary>
internal sealed class Successors : IDisposable
{
    private readonly List<TestNetns> _all = [];

    /// <summary>
    /// The one that has the number; null: something else has got it. The kernel gives the lowest free number, and
    /// frees one some time after its namespace's end.
    /// </summary>
    public TestNetns? Take(ulong inode)
    {
        for (var looks = 0; looks < 500;)
        {
            _all.Add(new TestNetns());
            if (_all[^1].Inode == inode)
                return _all[^1];
            if (_all[^1].Inode < inode)
                continue;
            _all[^1].Dispose();
            _all.RemoveAt(_all.Count - 1);
            looks++;
            Thread.Sleep(10);
        }
        return null;
    }

    public void Dispose() => _all.ForEach(static n => n.Dispose());
}
