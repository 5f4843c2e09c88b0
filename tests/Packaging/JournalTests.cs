using System.Globalization;
using System.Net;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Events.Outlets.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Packaging.Tests;

/// <summary>Events in the journal of a real systemd, read by journalctl.</summary>
public sealed class JournalTests
{
    private const int Small = 20;

    /// <summary>More than a datagram of a unix socket takes.</summary>
    private const int Large = 700_000;

    private static readonly EventInfo Kind = new()
    {
        Name = "netlens.test.reset",
        Severity = EventSeverity.Warn,
        Description = "A connection was reset.",
        Fields = [new("netlens.test.errno")],
    };

    [RequiresMachineFact]
    public void An_event_is_an_entry_with_its_attributes_as_fields_however_large()
    {
        using var machine = new Machine();
        Write(machine, Small, Large);

        var entries = Wait.Until(() => Journal(machine), Entries, e => e.Length == 2);

        var entry = entries[0];
        Field(entry, "MESSAGE").ShouldBe(Message(Small));
        Field(entry, "PRIORITY").ShouldBe("4");
        Field(entry, "NETLENS_EVENT").ShouldBe("netlens.test.reset");
        Field(entry, "NETLENS_TIME").ShouldBe("2026-03-04T12:00:00.123456789Z");
        Field(entry, "NETLENS_K8S_POD_NAME").ShouldBe("web-0");
        Field(entry, "NETLENS_SOURCE_ADDRESS").ShouldBe("192.0.2.1");
        Field(entry, "NETLENS_DESTINATION_PORT").ShouldBe("443");
        Field(entry, "NETLENS_TEST_ERRNO").ShouldBe("-104");
        Field(entry, "NETLENS_CODE_STACKTRACE").ShouldBe("tcp_reset+0x10\ntcp_rcv+0x2a");
        Field(entry, "_TRANSPORT").ShouldBe("journal");
        Field(entries[1], "MESSAGE").ShouldBe(Message(Large));
        // What people type.
        machine.Run("journalctl", "--no-pager", "-o", "cat", "NETLENS_K8S_POD_NAME=web-0", "-n", "2")
            .ShouldContain(Message(Small));
    }

    [RequiresMachineFact]
    public void While_the_journal_restarts_nothing_is_lost()
    {
        using var machine = new Machine();
        Write(machine, 1);
        machine.Run("systemctl", "stop", "systemd-journald.service");
        Write(machine, 2);
        machine.Run("systemctl", "start", "systemd-journald.service");
        Write(machine, 3);
        Wait.Until(() => Journal(machine), Entries, e => e.Length == 3)
            .Select(e => Field(e, "MESSAGE").Length).ShouldBe([1, 2, 3]);
    }

    /// <summary>What the program beside does, within the machine.</summary>
    internal static int Write(IEnumerable<int> sizes)
    {
        using var outlet = new JournalOutlet(NullLogger.Instance);
        NetworkEvent[] events = [.. sizes.Select(size => Event(Message(size)))];
        return outlet.Write(events, CancellationToken.None) == events.Length ? 0 : 1;
    }

    private static void Write(Machine machine, params int[] sizes) => machine.Run(
    [
        "dotnet", typeof(JournalTests).Assembly.Location, "journal",
        .. sizes.Select(s => s.ToString(CultureInfo.InvariantCulture)),
    ]);

    private static string Journal(Machine machine) => machine.Run(
        "journalctl", "--no-pager", "--all", "-o", "json", "SYSLOG_IDENTIFIER=netlens");

    private static JsonElement[] Entries(string journal) =>
        [.. journal.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    private static string Field(JsonElement entry, string name) => entry.GetProperty(name).GetString()!;

    private static string Message(int size) => new('m', size);

    private static NetworkEvent Event(string message) => new()
    {
        Info = Kind,
        Time = 1_772_625_600_123_456_789,
        ObservedTime = 1_772_625_600_123_456_789,
        Message = message,
        Subject = new NetNamespace(4026532001, 2, false, 0, new("blue", "shop", "web-0", "")),
        Tuple = new("tcp", IPAddress.Parse("192.0.2.1"), 40000, IPAddress.Parse("198.51.100.2"), 443),
        Fields = [-104],
        Stack = ["tcp_reset+0x10", "tcp_rcv+0x2a"],
    };
}
