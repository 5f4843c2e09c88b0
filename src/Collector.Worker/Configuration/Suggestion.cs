namespace Collector.Worker.Configuration;

/// <summary>The nearest known word to a misspelt one.</summary>
internal static class Suggestion
{
    private const int LongestWord = 64;

    /// <summary><c>, did you mean 'x'?</c>, or nothing when no candidate is near.</summary>
    public static string For(string word, IEnumerable<string> candidates) =>
        Nearest(word, candidates) is { } near ? DidYouMean(near) : "";

    public static string DidYouMean(string word) => $", did you mean '{word}'?";

    /// <summary>About a third of the letters may be wrong, three at most; the first of equals wins.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        if (word.Length is 0 or > LongestWord)
            return null;
        string? best = null;
        var least = Math.Clamp((word.Length + 1) / 3, 1, 3) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (distance >= least)
                continue;
            least = distance;
            best = candidate;
        }
        return best;
    }

    /// <summary>Edits from one to the other: insert, delete, replace, or swap two neighbours.</summary>
    public static int Distance(string a, string b)
    {
        var beforeLast = new int[b.Length + 1];
        var last = new int[b.Length + 1];
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                row[j] = Math.Min(replace, Math.Min(last[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
            }
            (beforeLast, last, row) = (last, row, beforeLast);
        }
        return last[b.Length];
    }
}
