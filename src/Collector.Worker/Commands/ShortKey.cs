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
}
