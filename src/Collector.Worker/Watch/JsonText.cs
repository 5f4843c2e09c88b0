using System.Text;
using System.Text.Json;

namespace Collector.Worker.Watch;

/// <summary>JSON on one line, in ASCII.</summary>
internal static class JsonText
{
    public static string Of(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
            write(json);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
