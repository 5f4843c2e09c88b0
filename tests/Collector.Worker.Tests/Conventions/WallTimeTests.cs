using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>
/// The time of day says when something was. How long something took, is still to wait, or is old, is told by a clock
/// that nobody sets (<see cref="TimeProvider.GetTimestamp"/>): an administrator or NTP may set the other by any amount.
/// </summary>
public sealed partial class WallTimeTests
{
    /// <summary>Every use there is, by file, with what it is for. A new one must be a time, never a duration.</summary>
    private static readonly Dictionary<string, (int Uses, string For)> Allowed = new()
    {
        ["Collector.Core/Events/EventLimiter.cs"] = (1, "time of a summary"),
        ["Collector.Core/Snapshots/SnapshotBuilder.cs"] = (1, "time of the points"),
        ["Collector.Linux/Interop/Libc.cs"] = (1, "declares the clock"),
        ["Collector.Linux/Kernel/KernelClock.cs"] = (4, "time of what the kernel stamped by its own clock"),
        ["Collector.Linux/Kernel/Bpf/OccurrenceQueue.cs"] = (1, "observed time of an event"),
        ["Collector.Linux/Namespaces/NamespaceDirectory.cs"] = (1, "start of counters"),
        ["Collector.Linux/Pods/PodListing.cs"] = (1, "age of a pod, of which the runtime tells the time only"),
        ["Collector.Linux/Probes/Common/CountedNamespaces.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Arrivals/ReceiveCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Arrivals/WallClock.cs"] = (1, "the clock that stamps packets, and whether it was set"),
        ["Collector.Linux/Probes/Connects/ConnectCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Dns/DnsCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Sockets/SocketLatencyCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Transmits/TransmitCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Flows/FlowCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Drops/PacketLossCounts.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Block/BioLatency.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/NextHops/NextHop.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Node/Pods.cs"] = (2, "start of counters"),
        ["Collector.Linux/Probes/Node/SwitchedOff.cs"] = (1, "time of an event"),
        ["Collector.Linux/Probes/RunQueue/RunQueue.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Softirq/Softirq.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Tcp/TcpSegmentCounters.cs"] = (1, "start of counters"),
        ["Collector.Linux/Probes/Virtio/VirtCmdLatency.cs"] = (1, "start of counters"),
        ["Collector.Worker/Agent/RecordHeader.cs"] = (1, "time of a recording"),
        ["Collector.Worker/Agent/ReloadStatus.cs"] = (2, "time of a reload"),
        ["Collector.Worker/Agent/SelfFigures.cs"] = (1, "time of the snapshot"),
        ["Collector.Worker/Collection/ProcessStart.cs"] = (1, "age of the process, once, at its start"),
        ["Collector.Worker/Commands/ReplayedEvents.cs"] = (1, "declares a clock that stands"),
        ["Collector.Worker/Events/Outlets/Loki/LokiOutlet.cs"] = (1, "a date in a server's answer"),
        ["Collector.Worker/Events/Outlets/Spool/SpoolFolder.cs"] = (2, "age of an event across restarts"),
        ["Collector.Worker/Export/Otlp/OtlpClient.cs"] = (1, "says until when a server is left alone"),
        ["Collector.Worker/Export/Otlp/OtlpMetricExporter.cs"] = (2, "start of counters, time of a success"),
        ["Collector.Worker/Export/Otlp/OtlpTransport.cs"] = (1, "a date in a server's answer that has none of its own"),
        ["Collector.Worker/Hosting/LineLoggerProvider.cs"] = (1, "time of a line"),
        ["Collector.Worker/Http/ServerCertificate.cs"] = (2, "a certificate says its time as times of day"),
        ["Collector.Worker/Recorder/EventQueryParser.cs"] = (1, "time of day of so long ago"),
        ["Collector.Worker/Findings/FindingJson.cs"] = (1, "time of a document"),
        ["Collector.Linux/Findings/Common/FindingEvents.cs"] = (1, "time of an event"),
        ["Collector.Linux/Probes/Node/Finding.cs"] = (1, "start of counters"),
        ["Collector.Worker/Recorder/Files/RecordKeeper.cs"] = (1, "name of a file"),
        ["Collector.Worker/Agent/LiveView.cs"] = (1, "age of a collection as it is told"),
        ["Collector.Worker/Http/Api/ApiEndpoints.cs"] = (2, "when \"ten minutes ago\" was"),
        ["Collector.Worker/Portable/PortableNode.cs"] = (1, "start of counters"),
    };

    [Fact]
    public void No_duration_is_measured_by_a_clock_that_can_be_set()
    {
        var src = Path.Combine(Repository.Root, "src");
        var used = Directory.EnumerateDirectories(src)
            .SelectMany(project => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
                .Where(f => Path.GetRelativePath(project, f).Split('/', '\\')[0] is not ("bin" or "obj")))
            .Select(f => (File: Path.GetRelativePath(src, f).Replace('\\', '/'), Uses: Count(File.ReadAllText(f))))
            .Where(f => f.Uses > 0)
            .ToDictionary(f => f.File, f => f.Uses);
        used.ShouldBe(Allowed.ToDictionary(a => a.Key, a => a.Value.Uses), ignoreOrder: true);
    }

    [Theory]
    [InlineData("var d = DateTime.UtcNow + Deadline;", 1)]
    [InlineData("if (_time.GetUtcNow() < _notBefore)", 1)]
    [InlineData("new CallOptions(deadline: at)", 1)]
    [InlineData("File.GetLastWriteTimeUtc(path)", 1)]
    [InlineData("time.GetTimestamp() + Stopwatch.GetTimestamp() + Environment.TickCount64", 0)]
    [InlineData("// DateTime.Now", 0)]
    public void A_use_is_known_when_it_is_seen(string line, int uses) => Count(line).ShouldBe(uses);

    private static int Count(string source) => WallTime().Count(CodeText.Of(source));

    [GeneratedRegex(
        @"\bDateTime(Offset)?\.(Utc)?Now\b|\bDateTime\.Today\b|\bGet(Utc|Local)Now\(|\bUnixNow\(|\bCLOCK_REALTIME\w*"
            + @"|\bdeadline:|\b(LastWrite|LastAccess|Creation)Time(Utc)?\b|\bGet(LastWrite|LastAccess|Creation)Time",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex WallTime();
}
