using System.Diagnostics;

namespace Pods.Tests.Lab;

/// <summary>Waits for what must come; how long is the machine's affair.</summary>
internal static class Wait
{
    /// <summary>Long enough for a machine that is busy with something else.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static void Until(Func<bool> condition, string what) => For(() => condition() ? what : null, what);

    /// <summary>The first result that is not null.</summary>
    public static T For<T>(Func<T?> look, string what)
        where T : class
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience; Thread.Sleep(50))
        {
            if (look() is { } found)
                return found;
        }
        throw new TimeoutException($"never came: {what}");
    }
}
