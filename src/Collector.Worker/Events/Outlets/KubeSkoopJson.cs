using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Collector.Core.Compatibility;
using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// An event as KubeSkoop's sinks write it: timestamp, type, labels and msg. What has no type of KubeSkoop's keeps its
/// own name as type.
/// </summary>
internal static class KubeSkoopJson
{
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    public static ReadOnlySpan<byte> Of(NetworkEvent e, string node)
    {
        var line = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(line, Options);
        json.WriteStartObject();
        json.WriteNumber("timestamp"u8, e.Time);
        json.WriteString("type"u8, e.KubeSkoopType ?? e.Info.Name);
        json.WriteStartArray("labels"u8);
        // In its order: filters of its console go by the place.
        Label(json, "pod"u8, e.Subject?.Names.PodName);
        Label(json, "namespace"u8, e.Subject?.Names.PodNamespace);
        Label(json, "node"u8, node);
        json.WriteEndArray();
        json.WriteString("msg"u8, e.Message);
        json.WriteEndObject();
        json.Flush();
        return line.WrittenSpan;
    }

    private static void Label(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, name);
        json.WriteString("value"u8, value ?? "");
        json.WriteEndObject();
    }
}
