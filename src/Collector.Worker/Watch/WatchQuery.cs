using System.Text;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Watch;

/// <summary>What is to be watched, in the words of GET /events.</summary>
/// <param name="Filters">Parameter and value; those of one name are alternatives.</param>
/// <param name="Since">From where in the past; null: only what is new.</param>
internal sealed record WatchQuery(IReadOnlyList<KeyValuePair<string, string>> Filters, string? Since)
{
    /// <summary>The query string.</summary>
    /// <param name="since">From where to go on; null: as the operator said.</param>
    public string Text(string? since = null)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in Filters)
            Add(text, name, value);
        if ((since ?? Since) is { } from)
            Add(text, "since", from);
        return text.ToString();
    }

    /// <summary>The same for who reads it here.</summary>
    public IEnumerable<KeyValuePair<string, StringValues>> Parameters() => Filters
        .GroupBy(f => f.Key).Select(g => KeyValuePair.Create(g.Key, new StringValues([.. g.Select(f => f.Value)])));

    private static void Add(StringBuilder text, string name, string value) =>
        text.Append(text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
}
