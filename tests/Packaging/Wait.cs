using System.Diagnostics;

namespace Packaging.Tests;

/// <summary>Waits for what must come; how long is the machine's affair.</summary>
internal static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Looks until what is read is good; a look that fails is repeated.</summary>
    public static T Until<T>(Func<string> look, Func<string, T> read, Func<T, bool> good)
    {
        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(100))
        {
            string seen;
            try
            {
                seen = look();
                if (read(seen) is var value && good(value))
                    return value;
            }
            catch (InvalidOperationException e)
            {
                seen = e.Message;
            }
            if (clock.Elapsed > Patience)
                throw new TimeoutException($"never came; last: {seen}");
        }
    }
}
