using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Collector.Core.Events;
using Collector.Worker.Events.Outlets.Journal;
using Collector.Worker.Tests.Hosting;
using Collector.Worker.Tests.Portable;

namespace Collector.Worker.Tests.Events.Outlets;

/// <summary>Entries of the journal's native protocol, at a socket that is not the journal's.</summary>
public sealed class JournalOutletTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-journal-");
    private readonly LogList<object> _log = new();

    private string Path => System.IO.Path.Combine(_folder.FullName, "socket");

    public void Dispose() => _folder.Delete(recursive: true);

    [LinuxFact]
    public void Every_part_of_an_event_is_a_field()
    {
        using var journal = Listen();
        using var outlet = new JournalOutlet(_log, Path);

        outlet.Write([EventSamples.Full() with { Message = "reset\nby peer" }], CancellationToken.None).ShouldBe(1);

        var fields = Fields(Receive(journal));
        fields["MESSAGE"].ShouldBe("reset\nby peer");
        fields["PRIORITY"].ShouldBe("4");
        fields["SYSLOG_IDENTIFIER"].ShouldBe("netlens");
        fields["NETLENS_EVENT"].ShouldBe("netlens.test.reset");
        fields["NETLENS_TIME"].ShouldBe("2026-03-04T12:00:00.123456789Z");
        fields["NETLENS_K8S_POD_NAME"].ShouldBe("web-0");
        fields["NETLENS_K8S_NAMESPACE_NAME"].ShouldBe("shop");
        fields["NETLENS_SOURCE_ADDRESS"].ShouldBe("2001:db8::1");
        fields["NETLENS_DESTINATION_PORT"].ShouldBe("443");
        fields["NETLENS_TEST_ERRNO"].ShouldBe("-104");
        fields["NETLENS_EVENT_HELD_BACK"].ShouldBe("7");
        fields["NETLENS_CODE_STACKTRACE"].ShouldBe("tcp_reset+0x10\ntcp_rcv_established+0x2a");
    }

    [Theory]
    [InlineData("k8s.pod.label.app.kubernetes.io/name", "NETLENS_K8S_POD_LABEL_APP_KUBERNETES_IO_NAME")]
    [InlineData("netlens.drop.reason", "NETLENS_DROP_REASON")]
    public void Names_are_those_that_the_journal_takes(string attribute, string field) =>
        JournalEntry.NameOf(attribute).ShouldBe(field);

    [Fact]
    public void No_name_is_longer_than_the_journal_takes() =>
        JournalEntry.NameOf($"k8s.pod.label.{new string('x', 100)}").Length.ShouldBe(64);

    [LinuxFact]
    public void A_socket_that_comes_late_or_goes_is_told_once_and_found_again()
    {
        using var outlet = new JournalOutlet(_log, Path);
        NetworkEvent[] batch = [EventSamples.Plain(1), EventSamples.Plain(2)];
        outlet.Write(batch, CancellationToken.None).ShouldBe(0);
        outlet.Write(batch, CancellationToken.None).ShouldBe(0);
        using (var journal = Listen())
        {
            outlet.Write(batch, CancellationToken.None).ShouldBe(2);
            Fields(Receive(journal))["MESSAGE"].ShouldBe("number 1");
        }
        File.Delete(Path);
        outlet.Write(batch, CancellationToken.None).ShouldBe(0);
        using var again = Listen();
        outlet.Write(batch, CancellationToken.None).ShouldBe(2);
        Fields(Receive(again))["MESSAGE"].ShouldBe("number 1");

        _log.Lines.Count.ShouldBe(4);
        _log.Lines[0].ShouldBe(
            $"Warning: events cannot be written to the journal ({Path}: No such file or directory); until they can be, "
                + "those lost are only counted");
        _log.Lines[1].ShouldBe("Information: events are written to the journal again");
    }

    [LinuxFact]
    public void A_socket_that_was_made_anew_between_two_batches_costs_nothing()
    {
        using var outlet = new JournalOutlet(_log, Path);
        using (Listen())
            outlet.Write([EventSamples.Plain(1)], CancellationToken.None).ShouldBe(1);
        File.Delete(Path);
        using var again = Listen();
        outlet.Write([EventSamples.Plain(2), EventSamples.Plain(3)], CancellationToken.None).ShouldBe(2);
        Fields(Receive(again))["MESSAGE"].ShouldBe("number 2");
        Fields(Receive(again))["MESSAGE"].ShouldBe("number 3");
        _log.Lines.ShouldBeEmpty();
    }

    [LinuxFact]
    public void A_journal_that_reads_no_more_is_not_waited_for()
    {
        using var journal = Listen();
        using var outlet = new JournalOutlet(_log, Path);
        NetworkEvent[] batch = [.. Enumerable.Range(0, 5000).Select(EventSamples.Plain)];
        var written = outlet.Write(batch, CancellationToken.None);
        written.ShouldBeInRange(1, 4999);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("Resource temporarily unavailable");
    }

    private Socket Listen()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path));
        socket.ReceiveTimeout = 60_000;
        return socket;
    }

    private static byte[] Receive(Socket socket)
    {
        var entry = new byte[1 << 20];
        return entry[..socket.Receive(entry)];
    }

    /// <summary>Decodes an entry, as systemd's JOURNAL_NATIVE_PROTOCOL describes it.</summary>
    private static Dictionary<string, string> Fields(ReadOnlySpan<byte> entry)
    {
        var fields = new Dictionary<string, string>();
        while (!entry.IsEmpty)
        {
            var end = entry.IndexOf((byte)'\n');
            var equals = entry[..end].IndexOf((byte)'=');
            var name = Encoding.UTF8.GetString(entry[..(equals < 0 ? end : equals)]);
            name.ShouldMatch("^[A-Z][A-Z0-9_]{0,63}$");
            if (equals >= 0)
            {
                fields.Add(name, Encoding.UTF8.GetString(entry[(equals + 1)..end]));
                entry = entry[(end + 1)..];
                continue;
            }
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(entry[(end + 1)..]);
            fields.Add(name, Encoding.UTF8.GetString(entry.Slice(end + 9, length)));
            entry[end + 9 + length].ShouldBe((byte)'\n');
            entry = entry[(end + 10 + length)..];
        }
        return fields;
    }
}
