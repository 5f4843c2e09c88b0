using System.Text;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>Turns the kernel's counter names into words: <c>TCPAbortOnClose</c> to <c>abort_on_close</c>.</summary>
public static class CounterName
{
    /// <summary>
    /// Snake case. A new word begins at a capital that follows a small letter or digit, and at the last capital of a
    /// run that goes on in small letters (<c>DSACKOfoSent</c>: dsack, ofo, sent), but not at a plural s
    /// (<c>SpuriousRTOs</c>: spurious, rtos).
    /// </summary>
    /// <param name="counter">The kernel's name.</param>
    /// <param name="drop">A prefix, in any case, that says what the section says already.</param>
    public static string ToSnake(string counter, string drop = "")
    {
        var name = drop.Length > 0 && counter.Length > drop.Length
            && counter.StartsWith(drop, StringComparison.OrdinalIgnoreCase)
            ? counter.AsSpan(drop.Length)
            : counter;
        var words = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && StartsWord(name, i))
                words.Append('_');
            words.Append(char.ToLowerInvariant(name[i]));
        }
        return words.ToString();
    }

    private static bool StartsWord(ReadOnlySpan<char> name, int i)
    {
        if (!char.IsAsciiLetterUpper(name[i]))
            return false;
        if (!char.IsAsciiLetterUpper(name[i - 1]))
            return name[i - 1] != '_';
        var followedBySmall = i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1]);
        var pluralFollows = followedBySmall && name[i + 1] == 's'
            && (i + 2 == name.Length || char.IsAsciiLetterUpper(name[i + 2]));
        return followedBySmall && !pluralFollows;
    }
}
