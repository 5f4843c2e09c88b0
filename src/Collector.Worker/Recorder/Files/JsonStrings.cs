using System.Buffers;
using System.Text.Json;

namespace Collector.Worker.Recorder.Files;

/// <summary>Makes JSON of JSON whose texts, names among them, are others.</summary>
internal static class JsonStrings
{
    /// <param name="root">What is copied. Of texts that are none (half a surrogate pair) it takes "".</param>
    /// <param name="other">What stands for a text.</param>
    /// <returns>UTF-8.</returns>
    public static byte[] Map(JsonElement root, Func<string, string> other)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            Write(root, writer, other);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(JsonElement its, Utf8JsonWriter to, Func<string, string> other)
    {
        switch (its.ValueKind)
        {
            case JsonValueKind.Object:
                to.WriteStartObject();
                foreach (var property in its.EnumerateObject())
                {
                    to.WritePropertyName(other(NameOf(property)));
                    Write(property.Value, to, other);
                }
                to.WriteEndObject();
                break;
            case JsonValueKind.Array:
                to.WriteStartArray();
                foreach (var item in its.EnumerateArray())
                    Write(item, to, other);
                to.WriteEndArray();
                break;
            case JsonValueKind.String:
                to.WriteStringValue(other(TextOf(its)));
                break;
            default:
                its.WriteTo(to);
                break;
        }
    }

    private static string TextOf(JsonElement text)
    {
        try
        {
            return text.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            return "";
        }
    }

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return "";
        }
    }
}
