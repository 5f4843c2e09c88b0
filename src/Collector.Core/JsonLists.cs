using System.Text.Json;

namespace Collector.Core;

/// <summary>Lists in JSON that is written by hand.</summary>
public static class JsonLists
{
    /// <summary>A property whose value is a list of texts.</summary>
    public static void WriteStrings(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
