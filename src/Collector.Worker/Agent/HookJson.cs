using System.Text.Json;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Worker.Agent;

/// <summary>How a probe's programs were attached, as doctor and recordings tell it.</summary>
internal static class HookJson
{
    public static void Write(Utf8JsonWriter json, LadderReport ladder)
    {
        json.WriteStartArray("hooks");
        foreach (var hook in ladder.Hooks)
        {
            json.WriteStartObject();
            json.WriteString("hook", hook.Hook);
            json.WriteBoolean("optional", hook.Optional);
            json.WriteStartArray("ways");
            foreach (var way in hook.Ways)
            {
                json.WriteStartObject();
                json.WriteString("by", way.Sections);
                json.WriteString("verdict", Verdict(way.Verdict));
                json.WriteString("reason", way.Reason);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static string Verdict(WayVerdict verdict) => verdict switch
    {
        WayVerdict.Taken => "taken",
        WayVerdict.Refused => "refused",
        _ => "not needed",
    };
}
