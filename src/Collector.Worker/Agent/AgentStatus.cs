using System.Globalization;
using System.Text.Json;
using Collector.Core;
using Collector.Core.Probes;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;

namespace Collector.Worker.Agent;

/// <summary>What GET /status and GET /config say: how the agent is, and what is in force.</summary>
internal sealed class AgentStatus(
    NodeCollector collector, EventHub events, RunningConfiguration running, ReloadStatus reloads,
    ConfigurationFileState file)
{
    /// <summary>
    /// The probes in KubeSkoop's two objects, by what they make, then all else under names of ours.
    /// </summary>
    public void Write(Utf8JsonWriter json)
    {
        var runners = collector.Runners;
        json.WriteStartObject();
        json.WriteString("version", AgentIdentity.Version);
        json.WriteNumber("pid", Environment.ProcessId);
        json.WriteString("start_time", Second(DateTimeOffset.UnixEpoch.AddTicks(ProcessStart.Time / 100)));
        WriteFile(json);
        json.WriteNumber("namespaces", collector.Node.NamespaceCount);
        json.WriteNumber("series", collector.Series);
        json.WriteStartObject("inuse_probes");
        WriteStates(json, "metrics", runners.Where(r => r.Info.Tables.Count > 0));
        WriteStates(json, "event", runners.Where(r => r.Info.Events.Count > 0));
        json.WriteEndObject();
        json.WriteStartObject("available_probes");
        WriteIds(json, "metrics", collector.Node.Catalogue.Where(p => p.Tables.Count > 0));
        WriteIds(json, "event", collector.Node.Catalogue.Where(p => p.Events.Count > 0));
        json.WriteEndObject();
        WriteProbes(json, runners);
        WriteOutlets(json);
        json.WriteEndObject();
    }

    /// <summary>Every key with its value, as the file would say it; secrets are left out.</summary>
    public void WriteConfiguration(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("file", file.File);
        json.WriteStartObject("values");
        foreach (var value in ConfigurationValues.Of(running.Options, collector.Node.Catalogue))
            json.WriteString(value.Path, value.Text);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteFile(Utf8JsonWriter json)
    {
        json.WriteStartObject("configuration");
        json.WriteString("file", file.File);
        if (reloads.Last is { } last)
        {
            json.WriteStartObject("last_reload");
            json.WriteString("time", Second(last.Time));
            json.WriteString("result", ReloadStatus.Results[(int)last.Result]);
            json.WriteStrings("changed", last.Changed);
            json.WriteStrings("errors", last.Errors);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("last_reload");
        }
        json.WriteEndObject();
    }

    // KubeSkoop prints an empty text for a probe that failed.
    private static void WriteStates(Utf8JsonWriter json, string name, IEnumerable<ProbeRunner> runners)
    {
        json.WriteStartObject(name);
        foreach (var runner in runners)
        {
            json.WriteString(runner.Info.Id, runner.State switch
            {
                ProbeState.Running => "Running",
                ProbeState.Starting => "Starting",
                ProbeState.Unavailable or ProbeState.Off => "Stopped",
                _ => "",
            });
        }
        json.WriteEndObject();
    }

    private static void WriteIds(Utf8JsonWriter json, string name, IEnumerable<ProbeInfo> probes) =>
        json.WriteStrings(name, probes.Select(p => p.Id));

    internal static void WriteProbes(Utf8JsonWriter json, IReadOnlyList<ProbeRunner> runners)
    {
        json.WriteStartArray("probes");
        foreach (var runner in runners)
        {
            json.WriteStartObject();
            json.WriteString("id", runner.Info.Id);
            json.WriteString("state", runner.State.ToString().ToLowerInvariant());
            if (runner.Reason.Length > 0)
                json.WriteString("reason", runner.Reason);
            json.WriteNumber("failures", runner.Failures);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteOutlets(Utf8JsonWriter json)
    {
        json.WriteStartArray("outlets");
        foreach (var outlet in events.Tallies.Where(t => t.Used))
        {
            json.WriteStartObject();
            json.WriteString("name", outlet.Name);
            json.WriteBoolean("open", events.Outlets.Any(o => o.Name == outlet.Name));
            json.WriteNumber("delivered", outlet.Delivered);
            json.WriteNumber("dropped", outlet.Dropped);
            json.WriteNumber("failed", outlet.Failed);
            json.WriteNumber("waiting", outlet.Waiting);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // RFC 3339: nobody asks for the fraction.
    private static string Second(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
