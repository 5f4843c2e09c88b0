using System.Globalization;
using System.Text.Json;
using static Collector.Worker.Commands.TopDocument;

namespace Collector.Worker.Commands;

/// <summary>The tabs of <c>netlens top</c>: what stands in each, of which fields of the documents.</summary>
internal static class TopTables
{
    private static readonly TopTable Findings = new(TopTab.Findings, "",
    [
        new("LEVEL", 1, "How bad it is.") { IsText = true },
        new("SEEN", 0, "When last; now: it goes on."),
        new("FOR", 2, "How long, from the first time to the last."),
        new("KIND", 3, "Its name in the documentation.") { IsText = true },
        new("FINDING", 0, "What is wrong, and where.")
        {
            IsText = true, Takes = true, Least = 50, Most = int.MaxValue,
        },
    ], FindingRows);

    private static readonly TopTable Pods = new(TopTab.Pods, "",
    [
        new("POD", 0, "The pod, network namespace or container; host is the node itself.")
        {
            IsText = true, Takes = true,
        },
        new("FIND", 0, "Findings that are active."),
        new("DROP/S", 1, "Packets lost per second."),
        new("RETR%", 2, "Of TCP segments sent, those sent again."),
        new("P99MS", 4, "Round-trip time that 99 % of its TCP connections do not exceed, in ms."),
        new("P50MS", 8, "The same for half of them."),
        new("CONN", 3, "TCP connections that are open."),
        new("NEW/S", 5, "TCP connections made and taken per second."),
        new("RST/S", 6, "TCP resets sent and received per second."),
        new("LISTENER", 7, "Its fullest accept queue: port, used of limit."),
        new("RCVQ", 9, "Bytes received that no program has read."),
        new("THR%", 10, "Of its periods of CPU quota, those in which it was held up."),
        new("IN/S", 11, "Bytes received per second."),
        new("OUT/S", 12, "Bytes sent per second."),
        new("LATELY", 13, "Packets lost and segments sent again, the newest at the right.") { IsText = true },
    ], PodRows);

    private static readonly TopTable Listeners = new(TopTab.Listeners, "listeners",
    [
        new("POD", 0, "Whose.") { IsText = true, Takes = true },
        new("ADDRESS", 2, "Where it listens.") { IsText = true, Most = 28 },
        new("PORT", 0, "Where it listens; all: those that are not told one by one."),
        new("PROCESS", 4, "The program, where an event has told it.") { IsText = true, Most = 28 },
        new("QUEUE", 1, "Connections that wait for accept()."),
        new("LIMIT", 1, "How many may wait."),
        new("FULL%", 0, "The one of the other."),
        new("DROP/S", 1, "Handshakes dropped per second."),
        new("DROPS", 3, "Handshakes dropped since the listener is known."),
        new("LIMIT OF", 5, "Whose limit it is, where an event has told it.") { IsText = true },
    ], ListenerRows);

    private static readonly TopTable Drops = new(TopTab.Drops, "drops",
    [
        new("POD", 0, "Whose; host has what the machine dropped before it knew.") { IsText = true, Most = 28 },
        new("STAGE", 1, "Where on its way.") { IsText = true },
        new("REASON", 0, "In the kernel's words.") { IsText = true, Takes = true },
        new("PACKETS", 0, "Dropped in the last minute, or as long as is known."),
        new("LOST", 1, "Those of them of which nobody was told."),
        new("PER S", 0, "Packets per second."),
    ], DropRows);

    private static readonly TopTable Devices = new(TopTab.Devices, "node",
    [
        new("POD", 1, "Whose.") { IsText = true, Most = 28 },
        new("DEVICE", 0, "The interface.") { IsText = true, Takes = true },
        new("UP", 3, "Whether it has a carrier.") { IsText = true },
        new("SPEED", 4, "Bits per second that it can."),
        new("RX", 0, "Bits received per second."),
        new("TX", 0, "Bits sent per second."),
        new("ERR/S", 2, "Errors per second."),
        new("DROP/S", 0, "Packets lost per second by the device."),
        new("QDISC", 6, "The queueing discipline.") { IsText = true },
        new("QDROP/S", 5, "Packets lost per second by the queueing discipline."),
        new("BACKLOG", 7, "Bytes that wait in it."),
    ], DeviceRows);

    public static IReadOnlyList<TopTable> All { get; } = [Findings, Pods, Listeners, Drops, Devices];

    /// <summary>The subject's id that a finding is about; "" where it is not among the pods.</summary>
    public static string SubjectOf(JsonElement finding, JsonElement overview)
    {
        var subject = Of(finding, "subject");
        var (netns, name) = (Text(subject, "netlens.netns"), Text(subject, "k8s.pod.name"));
        foreach (var pod in Items(overview, "pods"))
        {
            if (netns.Length > 0 && Text(pod, "netns_inode") == netns && Text(pod, "kind") is not "container")
                return Text(pod, "id");
            if (name.Length > 0 && Text(Of(pod, "pod"), "name") == name
                && Text(Of(pod, "pod"), "namespace") == Text(subject, "k8s.namespace.name"))
                return Text(pod, "id");
        }
        return Text(subject, "netlens.scope") == "node"
            ? Text(Items(overview, "pods").FirstOrDefault(p => Text(p, "kind") == "host"), "id") : "";
    }

    /// <summary>The name of a subject; its id where it has none.</summary>
    public static string NameOf(string id, JsonElement overview) =>
        Text(Items(overview, "pods").FirstOrDefault(p => Text(p, "id") == id), "name") is { Length: > 0 } name
            ? name : id;

    private static IEnumerable<TopRow> FindingRows(JsonElement overview, JsonElement own)
    {
        var now = Time(overview, "time") ?? DateTimeOffset.UnixEpoch;
        return Items(overview, "findings").Select(finding =>
        {
            var (first, last) = (Time(finding, "first") ?? now, Time(finding, "last") ?? now);
            var active = Is(finding, "active");
            var severity = Text(finding, "severity").ToLowerInvariant();
            return new TopRow(Text(finding, "number"), active ? severity : "", SubjectOf(finding, overview),
            [
                new(severity), active ? new("now", double.MaxValue) : new(
                    $"{TopNumber.Time((now - last).TotalSeconds)} ago", -(now - last).TotalSeconds),
                new(TopNumber.Time((last - first).TotalSeconds), (last - first).TotalSeconds),
                new(Text(finding, "kind")), new(Text(finding, "sentence")),
            ], finding);
        });
    }

    private static IEnumerable<TopRow> PodRows(JsonElement overview, JsonElement own) => Items(overview, "pods")
        .Select(pod => new TopRow(Text(pod, "id"), Text(pod, "severity"), Text(pod, "id"),
        [
            new(Text(pod, "name")), Number(pod, "findings", Text(pod, "severity") == "error" ? 1e6 : 0),
            Number(pod, "drops_per_second"), Percent(Number(pod, "retransmit_percent").Order),
            Number(pod, "rtt_p99_ms"), Number(pod, "rtt_p50_ms"), Number(pod, "connections"),
            Number(pod, "new_per_second"), Number(pod, "resets_per_second"), Queue(Of(pod, "listener_worst")),
            Bytes(pod, "receive_queue_bytes"), Percent(TopDocument.Number(pod, "throttled_percent")),
            Bytes(pod, "bytes_in_per_second"), Bytes(pod, "bytes_out_per_second"), new(Spark(pod)),
        ], pod));

    private static IEnumerable<TopRow> ListenerRows(JsonElement overview, JsonElement own) => Items(own, "listeners")
        .Select(listener =>
        {
            var (queue, limit) = (TopDocument.Number(listener, "queue"), TopDocument.Number(listener, "limit"));
            var (subject, address) = (Text(listener, "subject"), Text(listener, "address"));
            var (port, pid) = (Text(listener, "port"), Text(listener, "pid"));
            var full = limit > 0 ? queue * 100 / limit : null;
            return new TopRow($"{subject} {address} {port} {pid}", full >= 100 ? "error" : full >= 50 ? "warn" : "",
                subject,
            [
                new(Text(listener, "name")), new(address), new(port.Length > 0 ? port : "all", Value(port)),
                new(Text(listener, "process") + (pid.Length > 0 ? $"[{pid}]" : "")), Cell(queue), Cell(limit),
                Percent(full), Number(listener, "drops_per_second"), Number(listener, "drops"),
                new(Text(listener, "limit_origin")),
            ], listener);
        });

    private static IEnumerable<TopRow> DropRows(JsonElement overview, JsonElement own) => Items(own, "drops")
        .Select(drop =>
        {
            var (subject, stage, reason) = (Text(drop, "subject"), Text(drop, "stage"), Text(drop, "reason"));
            return new TopRow($"{subject} {stage} {reason}", "", subject,
            [
                new(Text(drop, "name")), new(stage), new(reason), Number(drop, "packets"), Number(drop, "lost"),
                Number(drop, "per_second"),
            ], drop);
        });

    private static IEnumerable<TopRow> DeviceRows(JsonElement overview, JsonElement own) => Items(own, "devices")
        .Select(device =>
        {
            var (subject, name) = (Text(device, "subject"), Text(device, "device"));
            var trouble = TopDocument.Number(device, "errors_per_second") > 0
                || TopDocument.Number(device, "drops_per_second") > 0
                || TopDocument.Number(device, "qdisc_drops_per_second") > 0;
            return new TopRow($"{subject} {name}", trouble ? "warn" : "", subject,
            [
                new(NameOf(subject, overview)), new(name),
                new(Of(device, "up").ValueKind switch
                {
                    JsonValueKind.True => "up",
                    JsonValueKind.False => "down",
                    _ => "-",
                }),
                Number(device, "speed_bps"), Number(device, "rx_bps"), Number(device, "tx_bps"),
                Number(device, "errors_per_second"), Number(device, "drops_per_second"), new(Text(device, "qdisc")),
                Number(device, "qdisc_drops_per_second"), Bytes(device, "backlog_bytes"),
            ], device);
        });

    private static TopCell Queue(JsonElement listener)
    {
        var (used, limit) = (TopDocument.Number(listener, "used"), TopDocument.Number(listener, "limit"));
        var port = Text(listener, "port");
        var where = port.Length > 0 ? $":{port} " : "";
        return used is null ? new("-")
            : new($"{where}{TopNumber.Of(used)}/{TopNumber.Of(limit)}", limit > 0 ? used / limit : used);
    }

    /// <summary>Ten bars at most, of the largest as whole.</summary>
    private static string Spark(JsonElement pod)
    {
        const string Bars = "▁▂▃▄▅▆▇█";
        const int Most = 10;
        var values = Items(pod, "spark").TakeLast(Most)
            .Select(v => v.ValueKind == JsonValueKind.Number ? v.GetDouble() : double.NaN).ToArray();
        var largest = values.Where(double.IsFinite).DefaultIfEmpty().Max();
        return string.Concat(values.Select(v => !double.IsFinite(v) ? ' '
            : largest <= 0 || v <= 0 ? Bars[0] : Bars[1 + (int)(v / largest * (Bars.Length - 2))]));
    }

    private static TopCell Number(JsonElement from, string name, double more = 0) =>
        TopDocument.Number(from, name) is { } number ? new(TopNumber.Of(number), number + more) : Cell(null);

    private static TopCell Cell(double? number) => new(TopNumber.Of(number), number);

    private static TopCell Percent(double? number) => new(TopNumber.Percent(number), number);

    private static TopCell Bytes(JsonElement from, string name)
    {
        var number = TopDocument.Number(from, name);
        return new(TopNumber.Bytes(number), number);
    }

    private static double? Value(string text) =>
        double.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
