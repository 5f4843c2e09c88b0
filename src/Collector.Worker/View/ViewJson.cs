using System.Buffers;
using System.Text.Json;

namespace Collector.Worker.View;

/// <summary>
/// The views as JSON: names in snake_case, null for what is not known. Written out, for the serializer that would do it
/// is a megabyte of a native program; a test holds it to the types.
/// </summary>
internal static class ViewJson
{
    public static byte[] Bytes(OverviewView view) => Bytes(view, Write);

    public static byte[] Bytes(SubjectDetail view) => Bytes(view, Write);

    public static byte[] Bytes(NodeDetail view) => Bytes(view, Write);

    public static byte[] Bytes(ListenersView view) => Bytes(view, Write);

    public static byte[] Bytes(DropsView view) => Bytes(view, Write);

    public static byte[] Bytes(SeriesView view) => Bytes(view, Write);

    public static byte[] Bytes(ChangesView view) => Bytes(view, Write);

    public static byte[] Bytes(IReadOnlyList<MetricView> views) => Bytes(views, static (json, its) =>
    {
        json.WriteStartArray();
        foreach (var view in its)
            Write(json, view);
        json.WriteEndArray();
    });

    /// <summary>Bytes of these, to be read again.</summary>
    public static JsonElement Element(byte[] bytes)
    {
        var reader = new Utf8JsonReader(bytes);
        return JsonElement.ParseValue(ref reader);
    }

    private static byte[] Bytes<T>(T view, Action<Utf8JsonWriter, T> write)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(body))
            write(json, view);
        return body.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, OverviewView view)
    {
        json.WriteStartObject();
        json.WriteString("version", view.Version);
        json.WriteString("time", view.Time);
        Put(json, "window_seconds", view.WindowSeconds);
        json.WriteStartObject("node");
        json.WriteString("name", view.Node.Name);
        json.WriteString("kernel", view.Node.Kernel);
        json.WriteString("os", view.Node.Os);
        Put(json, "cpus", (long?)view.Node.Cpus);
        Put(json, "uptime_seconds", view.Node.UptimeSeconds);
        Put(json, "boot_time", view.Node.BootTime);
        json.WriteEndObject();
        json.WriteStartObject("agent");
        json.WriteString("version", view.Agent.Version);
        Put(json, "uptime_seconds", view.Agent.UptimeSeconds);
        Put(json, "cpu_percent", view.Agent.CpuPercent);
        Put(json, "memory_bytes", view.Agent.MemoryBytes);
        Put(json, "bpf_cpu_percent", view.Agent.BpfCpuPercent);
        json.WriteEndObject();
        json.WriteStartObject("collection");
        json.WriteString("time", view.Collection.Time);
        json.WriteNumber("age_seconds", view.Collection.AgeSeconds);
        Put(json, "interval_seconds", view.Collection.IntervalSeconds);
        Put(json, "duration_ms", view.Collection.DurationMs);
        json.WriteNumber("recorded_seconds", view.Collection.RecordedSeconds);
        json.WriteEndObject();
        Put(json, "blind", view.Blind, static (json, blind) =>
        {
            json.WriteString("what", blind.What);
            json.WriteString("why", blind.Why);
            json.WriteString("kind", blind.Kind);
        });
        json.WriteStartObject("checked");
        json.WriteNumber("kinds", view.Checked.Kinds);
        Put(json, "observable", (long?)view.Checked.Observable);
        json.WriteEndObject();
        Put(json, "findings", view.Findings);
        Put(json, "ledger", view.Ledger);
        Put(json, "pods", view.Pods, WriteFields);
        json.WriteNumber("pods_left_out", view.PodsLeftOut);
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, SubjectView view)
    {
        json.WriteString("id", view.Id);
        json.WriteString("kind", view.Kind);
        json.WriteString("name", view.Name);
        json.WritePropertyName("pod");
        if (view.Pod is { } pod)
        {
            json.WriteStartObject();
            json.WriteString("name", pod.Name);
            json.WriteString("namespace", pod.Namespace);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteStartArray("containers");
        foreach (var container in view.Containers)
            json.WriteStringValue(container);
        json.WriteEndArray();
        json.WriteNumber("netns_inode", view.NetnsInode);
        Put(json, "connections", view.Connections);
        Put(json, "new_per_second", view.NewPerSecond);
        Put(json, "retransmit_percent", view.RetransmitPercent);
        Put(json, "rtt_p50_ms", view.RttP50Ms);
        Put(json, "rtt_p99_ms", view.RttP99Ms);
        Put(json, "resets_per_second", view.ResetsPerSecond);
        Put(json, "drops_per_second", view.DropsPerSecond);
        json.WritePropertyName("listener_worst");
        if (view.ListenerWorst is { } worst)
        {
            json.WriteStartObject();
            Put(json, "port", (long?)worst.Port);
            json.WriteNumber("used", worst.Used);
            Put(json, "limit", worst.Limit);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }
        Put(json, "receive_queue_bytes", view.ReceiveQueueBytes);
        Put(json, "throttled_percent", view.ThrottledPercent);
        Put(json, "bytes_in_per_second", view.BytesInPerSecond);
        Put(json, "bytes_out_per_second", view.BytesOutPerSecond);
        json.WriteNumber("findings", view.Findings);
        json.WriteString("severity", view.Severity);
        Put(json, "spark", view.Spark);
    }

    private static void Write(Utf8JsonWriter json, SubjectDetail view)
    {
        json.WriteStartObject();
        json.WriteStartObject("subject");
        WriteFields(json, view.Subject);
        json.WriteEndObject();
        Put(json, "listeners", view.Listeners, static (json, listener) =>
        {
            WriteFields(json, listener);
            Put(json, "drops", listener.Drops);
        });
        Put(json, "peers", view.Peers, static (json, peer) =>
        {
            json.WriteString("address", peer.Address);
            json.WriteString("port", peer.Port);
            Put(json, "connections", peer.Connections);
            Put(json, "rtt_ms", peer.RttMs);
            Put(json, "retransmits", peer.Retransmits);
            json.WriteStartObject("failed");
            foreach (var (outcome, count) in peer.Failed)
                json.WriteNumber(outcome, count);
            json.WriteEndObject();
        });
        Put(json, "latency", view.Latency, static (json, latency) =>
        {
            json.WriteString("station", latency.Station);
            Put(json, "p50_ms", latency.P50Ms);
            Put(json, "p99_ms", latency.P99Ms);
            json.WriteNumber("count", latency.Count);
        });
        json.WriteStartArray("events");
        foreach (var e in view.Events)
            e.WriteTo(json);
        json.WriteEndArray();
        Put(json, "findings", view.Findings);
        Put(json, "changes", view.Changes, WriteFields);
        json.WriteEndObject();
    }

    // Without its drops.
    private static void WriteFields(Utf8JsonWriter json, ListenerView listener)
    {
        json.WriteString("address", listener.Address);
        Put(json, "port", (long?)listener.Port);
        Put(json, "pid", (long?)listener.Pid);
        json.WriteString("process", listener.Process);
        Put(json, "queue", listener.Queue);
        Put(json, "limit", listener.Limit);
        json.WriteString("limit_origin", listener.LimitOrigin);
    }

    private static void WriteFields(Utf8JsonWriter json, ChangeView change)
    {
        json.WriteString("metric", change.Metric);
        json.WriteString("kernel", change.Kernel);
        json.WriteString("source", change.Source);
        json.WriteString("unit", change.Unit);
        Put(json, "tags", change.Tags);
        Put(json, "before_per_second", change.BeforePerSecond);
        json.WriteNumber("now_per_second", change.NowPerSecond);
        Put(json, "ratio", change.Ratio);
        json.WriteNumber("score", change.Score);
        json.WriteString("subject", change.Subject);
    }

    private static void Write(Utf8JsonWriter json, ChangesView view)
    {
        json.WriteStartObject();
        json.WriteString("from", view.From);
        json.WriteString("to", view.To);
        Put(json, "before_from", view.BeforeFrom);
        Put(json, "changes", view.Changes, WriteFields);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ListenersView view)
    {
        json.WriteStartObject();
        Put(json, "listeners", view.Listeners, static (json, listener) =>
        {
            json.WriteString("subject", listener.Subject);
            json.WriteString("name", listener.Name);
            WriteFields(json, listener.Alone());
            Put(json, "drops_per_second", listener.DropsPerSecond);
            Put(json, "drops", listener.Drops);
        });
        json.WriteNumber("left_out", view.LeftOut);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, DropsView view)
    {
        json.WriteStartObject();
        Put(json, "drops", view.Drops, static (json, drop) =>
        {
            json.WriteString("subject", drop.Subject);
            json.WriteString("name", drop.Name);
            json.WriteString("stage", drop.Stage);
            json.WriteString("reason", drop.Reason);
            json.WriteNumber("packets", drop.Packets);
            json.WriteNumber("lost", drop.Lost);
            json.WriteNumber("per_second", drop.PerSecond);
        });
        json.WriteNumber("left_out", view.LeftOut);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, NodeDetail view)
    {
        json.WriteStartObject();
        Put(json, "cpus", view.Cpus, static (json, cpu) =>
        {
            json.WriteString("cpu", cpu.Cpu);
            Put(json, "softirq_percent", cpu.SoftirqPercent);
            Put(json, "net_rx_per_second", cpu.NetRxPerSecond);
            Put(json, "net_tx_per_second", cpu.NetTxPerSecond);
            Put(json, "drops_per_second", cpu.DropsPerSecond);
        });
        Put(json, "devices", view.Devices, static (json, device) =>
        {
            json.WriteString("subject", device.Subject);
            json.WriteString("device", device.Device);
            if (device.Up is { } up)
                json.WriteBoolean("up", up);
            else
                json.WriteNull("up");
            Put(json, "speed_bps", device.SpeedBps);
            Put(json, "rx_bps", device.RxBps);
            Put(json, "tx_bps", device.TxBps);
            Put(json, "errors_per_second", device.ErrorsPerSecond);
            Put(json, "drops_per_second", device.DropsPerSecond);
            json.WriteString("qdisc", device.Qdisc);
            Put(json, "qdisc_drops_per_second", device.QdiscDropsPerSecond);
            Put(json, "backlog_bytes", device.BacklogBytes);
        });
        Put(json, "gauges", view.Gauges, static (json, gauge) =>
        {
            json.WriteString("name", gauge.Name);
            json.WriteString("subject", gauge.Subject);
            json.WriteNumber("used", gauge.Used);
            Put(json, "limit", gauge.Limit);
            Put(json, "seconds_to_full", gauge.SecondsToFull);
        });
        Put(json, "sysctls", view.Sysctls, static (json, sysctl) =>
        {
            json.WriteString("name", sysctl.Name);
            json.WriteString("value", sysctl.Value);
            json.WriteString("risk", sysctl.Risk);
        });
        json.WriteNumber("devices_left_out", view.DevicesLeftOut);
        json.WriteNumber("gauges_left_out", view.GaugesLeftOut);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, SeriesView view)
    {
        json.WriteStartObject();
        json.WriteString("metric", view.Metric);
        json.WriteString("kernel", view.Kernel);
        json.WriteString("source", view.Source);
        json.WriteString("unit", view.Unit);
        json.WriteString("promql", view.Promql);
        json.WriteString("kind", view.Kind);
        json.WriteStartArray("times");
        foreach (var time in view.Times)
            json.WriteNumberValue(time);
        json.WriteEndArray();
        Put(json, "series", view.Series, static (json, line) =>
        {
            Put(json, "tags", line.Tags);
            Put(json, "values", line.Values);
            Put(json, "total", line.Total);
        });
        json.WriteNumber("left_out", view.LeftOut);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, MetricView view)
    {
        json.WriteStartObject();
        json.WriteString("name", view.Name);
        json.WriteString("kernel", view.Kernel);
        json.WriteString("source", view.Source);
        json.WriteString("unit", view.Unit);
        json.WriteString("kind", view.Kind);
        json.WriteString("description", view.Description);
        json.WriteString("promql", view.Promql);
        json.WriteEndObject();
    }

    private static void Put(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    private static void Put(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    private static void Put(Utf8JsonWriter json, string name, DateTime? value)
    {
        if (value is { } time)
            json.WriteString(name, time);
        else
            json.WriteNull(name);
    }

    private static void Put(Utf8JsonWriter json, string name, JsonElement? value)
    {
        json.WritePropertyName(name);
        if (value is { } element)
            element.WriteTo(json);
        else
            json.WriteNullValue();
    }

    private static void Put(Utf8JsonWriter json, string name, IReadOnlyList<double?> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            if (value is { } number)
                json.WriteNumberValue(number);
            else
                json.WriteNullValue();
        }
        json.WriteEndArray();
    }

    private static void Put(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, string> texts)
    {
        json.WriteStartObject(name);
        foreach (var (key, text) in texts)
            json.WriteString(key, text);
        json.WriteEndObject();
    }

    private static void Put<T>(
        Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> fields) where T : class
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            fields(json, item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
