namespace Collector.Worker.Commands;

/// <summary>Attribute names as tables show them: full names make every line wider than a terminal.</summary>
internal static class ShortKey
{
    /// <summary><c>network.io.direction</c> is direction, <c>network.interface.name</c> is interface.</summary>
    public static string Of(string key)
    {
        var words = key.Split('.');
        return words is [.., var owner, "name"] ? owner : words[^1];
    }

    /// <summary>The same for keys that stand beside each other: those that would be alike get a word more.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<string> keys)
    {
        var alike = keys.CountBy(Of).Where(c => c.Value > 1).Select(c => c.Key).ToHashSet();
        return keys.Select(k => alike.Contains(Of(k)) ? string.Join('.', k.Split('.')[^2..]) : Of(k));
    }
}
