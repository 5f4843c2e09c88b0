using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Collector.Core;
using Collector.Linux.Kernel;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Findings;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.View;

namespace Collector.Worker.Agent;

/// <summary>
/// What stands in front of a recording: versions, what doctor would say of the probes as they run, and what GET /status
/// and GET /config say. Safe to use from several threads.
/// </summary>
internal sealed class RecordHeader(
    NodeCollector collector, AgentStatus status, RunningConfiguration running, History history, EventRing ring)
{
    public string Write(RecordRequest request)
    {
        var body = new ArrayBufferWriter<byte>(16 * 1024);
        using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("version", AgentIdentity.Version);
            json.WriteString("node", NodeName.Of(running.Options));
            json.WriteString("kernel", OperatingSystemOf(running.Options.Paths));
            json.WriteString("architecture", RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant());
            WriteMachine(json);
            json.WriteString("time",
                DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
            json.WriteString("reason", request.Reason);
            json.WriteBoolean("masked", request.Masked);
            json.WriteNumber("collections", request.Collections);
            json.WriteNumber("collections_dropped", history.Dropped);
            json.WriteNumber("events", request.Events);
            json.WriteNumber("events_seen", ring.Last);
            json.WriteNumber("interval_seconds", running.Options.Collection.Interval.TotalSeconds);
            if (collector.ZerosLeftOut is { Count: > 0 } zeros)
                json.WriteStrings(LeftOutZeros.Key, zeros.Select(LeftOutZeros.NameOf));
            WriteDoctor(json);
            json.WritePropertyName("status");
            status.Write(json);
            json.WritePropertyName("configuration");
            status.WriteConfiguration(json);
            // Their words may name addresses.
            if (!request.Masked)
                FindingJson.WriteAll(json, collector.Node.Findings?.Store.All ?? []);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(body.WrittenSpan);
    }

    // Of the machine, not of the image that a container is made of.
    private static string? OperatingSystemOf(PathOptions paths)
    {
        var root = new KernelPaths(paths.Proc, paths.Sys).NodeRoot();
        return HostFacts.Read(root.Length > 0 ? root : "/").OsDescription;
    }

    private void WriteMachine(Utf8JsonWriter json)
    {
        // Of Linux the version is the kernel's release, and what the runtime calls the system is the distribution.
        json.WriteString("release", OperatingSystem.IsLinux() ? KernelRelease() : Environment.OSVersion.VersionString);
        json.WriteNumber("cpus", OnlineCpus());
        if (collector.Node is LinuxNode { Host.BootTime: > 0 and var boot })
            json.WriteNumber("boot_time", boot);
    }

    // The machine's: what the runtime tells is what a quota or a mask leaves to this process.
    private static int OnlineCpus()
    {
        var count = 0;
        try
        {
            // "0-3,6"
            var ranges = OperatingSystem.IsLinux() ? File.ReadAllText("/sys/devices/system/cpu/online").Trim() : "";
            foreach (var range in ranges.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                var ends = range.Split('-');
                if (int.TryParse(ends[0], CultureInfo.InvariantCulture, out var first)
                    && int.TryParse(ends[^1], CultureInfo.InvariantCulture, out var last))
                    count += last - first + 1;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A sandbox without /sys.
        }
        return count > 0 ? count : Environment.ProcessorCount;
    }

    private static string KernelRelease()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private void WriteDoctor(Utf8JsonWriter json)
    {
        json.WriteStartObject("doctor");
        json.WriteStartObject("machine");
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        foreach (var (name, value) in Rights())
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStrings("limits", collector.Node.Limits.Where(l => l.LeftOut > 0).Select(l => l.ToString()));
        json.WriteStartArray("parts");
        foreach (var part in collector.Node.Parts.Where(p => p.IsChosen))
        {
            json.WriteStartObject();
            json.WriteString("part", part.Name);
            json.WriteString("source", part.Source);
            json.WriteString("reason", part.Reason);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteProbes(json);
        WriteFailures(json);
        json.WriteEndObject();
    }

    private void WriteProbes(Utf8JsonWriter json)
    {
        var reports = (collector.Node as LinuxNode)?.Host.Bpf.Reports;
        json.WriteStartArray("probes");
        foreach (var runner in collector.Runners)
        {
            json.WriteStartObject();
            json.WriteString("probe", runner.Info.Id);
            json.WriteString("verdict", runner.State switch
            {
                ProbeState.Running => "ok",
                ProbeState.Unavailable => "unavailable",
                ProbeState.Failed => "failed",
                ProbeState.Off => "off",
                _ => "starting",
            });
            json.WriteString("reason", runner.Reason);
            json.WriteNumber("milliseconds", Math.Round(runner.LastDuration.TotalMilliseconds, 3));
            if (reports?.GetValueOrDefault(runner.Info.Id) is { } ladder)
                HookJson.Write(json, ladder);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteFailures(Utf8JsonWriter json)
    {
        json.WriteStartArray("failed_reads");
        foreach (var ((probe, reason), count) in collector.ReadFailures())
        {
            json.WriteStartObject();
            json.WriteString("probe", probe);
            json.WriteString("reason", reason);
            json.WriteNumber("count", count);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // As the kernel tells them: masks of capabilities, the limit of files.
    private static IEnumerable<(string Name, string Value)> Rights()
    {
        var lines = Array.Empty<string>();
        try
        {
            if (OperatingSystem.IsLinux())
                lines = File.ReadAllLines("/proc/self/status");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is left out.
        }
        foreach (var line in lines.Where(l => l.StartsWith("Cap", StringComparison.Ordinal)
            || l.StartsWith("Uid", StringComparison.Ordinal) || l.StartsWith("Seccomp", StringComparison.Ordinal)))
        {
            if (line.Split(':', 2) is [var name, var value])
                yield return (name, value.Trim().Replace('\t', ' '));
        }
    }
}
