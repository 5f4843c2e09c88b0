using System.Buffers;

namespace Collector.Worker.Memory;

/// <summary>
/// Arrays for pages and for what is needed while they are made. They are pooled, since each scrape takes the same ones,
/// and let go as a whole once pages have become small: the runtime's shared pool would keep them for hours.
/// </summary>
internal static class LargeArrays<T>
{
    private const int Longest = 1 << 24;

    /// <summary>Of a length: enough for a page of 64 MiB.</summary>
    private const int Most = 64;

    private static ArrayPool<T> s_pool = NewPool();

    static LargeArrays() => LargeArrays.Forgetting += static () => Volatile.Write(ref s_pool, NewPool());

    /// <summary>The pool of today; arrays of an earlier one may be returned to it.</summary>
    public static ArrayPool<T> Pool => Volatile.Read(ref s_pool);

    private static ArrayPool<T> NewPool() => ArrayPool<T>.Create(Longest, Most);
}

/// <summary>All of them, of whatever type.</summary>
internal static class LargeArrays
{
    internal static event Action? Forgetting;

    /// <summary>Lets go of what nobody has borrowed.</summary>
    public static void Forget() => Forgetting?.Invoke();
}
