using System.Buffers.Binary;
using System.IO.Pipes;
using System.Net;
using System.Text;
using Collector.Core.Metrics;
using Collector.Worker.Agent;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.Tests.Events;

namespace Collector.Worker.Tests.Recorder;

public sealed class RecordFileTests : IDisposable
{
    private static readonly RecordReaderOptions Reader =
        new("1.2.3", [RecordedNode.Devices, RecordedNode.Machine], [EventSamples.Kind]);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-record-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_is_written_is_read(int seed)
    {
        var (node, bytes) = Recorded(seed, 500);
        var file = Read(bytes);
        file.Damage.ShouldBeNull();
        file.Node.ShouldBe("node-1");
        file.Text("version").ShouldBe("1.2.3");
        HistoryTests.Back(file.Collections!).ShouldBe(Enumerable.Reverse(node.All));
        HistoryTests.Forth(file.Collections!).ShouldBe(node.All);
        file.Events.Select(e => e.Number).ShouldBe([3UL, 4UL]);
        file.Events[1].Event.ShouldSatisfyAllConditions(
            e => e.Info.ShouldBeSameAs(EventSamples.Kind),
            e => e.Tuple.ShouldBe(EventSamples.Full().Tuple),
            e => e.Message.ShouldBe("reset by peer"));
        // The program's own tables: whoever asks for a metric finds it.
        file.Collections!.Newest.Find(RecordedNode.Machine)!.Column(RecordedNode.Load).Length.ShouldBe(1);
    }

    [Fact]
    public void A_recording_without_a_collection_has_its_events()
    {
        var contents = new RecordContents("""{"node":"node-1"}""", null, Events());
        var file = Read(Bytes(contents));
        file.Damage.ShouldBeNull();
        file.Collections.ShouldBeNull();
        file.Events.Count.ShouldBe(2);
    }

    [Fact]
    public void A_file_torn_anywhere_has_what_is_in_front()
    {
        var (node, bytes) = Recorded(3, 300);
        var seen = new HashSet<int>();
        for (var part = 0; part < 50; part++)
        {
            var length = bytes.Length * part / 50;
            try
            {
                var file = Read(bytes[..length]);
                file.Damage.ShouldBe("it ends too early");
                seen.Add(file.Collections?.Times.Count ?? 0);
                if (file.Collections is { } recording)
                    HistoryTests.Back(recording).ShouldBe(Enumerable.Reverse(node.All).Take(recording.Times.Count));
            }
            catch (InvalidDataException e)
            {
                e.Message.ShouldBeOneOf("it is no recording of netlens",
                    "nothing of this recording can be read: it ends too early");
                seen.ShouldBeEmpty("only what has no header is useless");
            }
        }
        seen.Count.ShouldBeGreaterThan(1);
    }

    [Fact]
    public void Any_changed_byte_is_noticed_and_nothing_wrong_is_read()
    {
        var (node, bytes) = Recorded(4, 60);
        for (var at = 0; at < bytes.Length; at += Math.Max(1, bytes.Length / 400))
        {
            var changed = bytes.ToArray();
            changed[at] ^= 0x40;
            try
            {
                var file = Read(changed);
                file.Damage.ShouldNotBeNull();
                if (file.Collections is { } recording)
                    HistoryTests.Back(recording).ShouldBe(Enumerable.Reverse(node.All).Take(recording.Times.Count));
            }
            catch (InvalidDataException)
            {
                // Nothing of it can be used.
            }
        }
    }

    [Fact]
    public void Another_format_is_named()
    {
        var (_, bytes) = Recorded(1, 5);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), 7);
        Should.Throw<InvalidDataException>(() => Read(bytes)).Message.ShouldBe(
            "it is a recording of format 7; this version of netlens (1.2.3) reads format 1");
    }

    [Fact]
    public void Two_gigabytes_are_refused_before_they_are_read()
    {
        var path = Path.Combine(_folder.FullName, "large.nlrec");
        using (var file = File.Create(path))
        {
            file.Write(RecordBlock.Start());
            file.SetLength(2L << 30);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<InvalidDataException>(() => RecordFile.Open(path, Reader)).Message.ShouldBe(
            $"{path}: it has 2048 MiB, more than any recording has (512 MiB)");
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1 << 20);
    }

    [Fact]
    public void A_block_that_says_it_is_large_takes_nothing()
    {
        var bytes = RecordBlock.Start().Concat(RecordBlock.Pack(RecordBlockKind.Header, "{}"u8)).ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), 60 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<InvalidDataException>(() => Read(bytes));
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1 << 20);
    }

    [Fact]
    public void Records_that_are_there_twice_are_none()
    {
        var frames = new ProtoBuffer();
        frames.Bytes(1, [0, 0, 0, 0]);
        Place(4);
        frames.Bytes(1, [0]);
        Place(0);
        Read(With([], frames.Written)).Damage.ShouldBe("records are there twice");

        void Place(int length)
        {
            var start = frames.Open(3);
            frames.Integer(1, length);
            frames.Close(start);
        }
    }

    [Fact]
    public void Collections_that_do_not_grow_older_are_a_damage()
    {
        var newest = Frame(7);
        foreach (var (tick, good) in (ReadOnlySpan<(int, int)>)[(6, 2), (7, 1), (8, 1)])
        {
            var file = Read(With(newest, Frame(tick)));
            file.Damage.ShouldBe(good == 2 ? "it ends too early" : "a collection is not older than the one behind it");
            file.Collections!.Times.Count.ShouldBe(good);
        }

        static byte[] Frame(int tick)
        {
            var record = new ProtoBuffer();
            record.Integer(1, tick);
            var frames = new ProtoBuffer();
            frames.Bytes(1, record.Written);
            var start = frames.Open(3);
            frames.Integer(1, record.Position);
            frames.Close(start);
            return frames.Written.ToArray();
        }
    }

    [Fact]
    public void A_text_that_is_none_is_empty()
    {
        byte[] bytes = [.. RecordBlock.Start(),
            .. RecordBlock.Pack(RecordBlockKind.Header, """{"node":"\ud800","version":"1.2.3"}"""u8),
            .. RecordBlock.Pack(RecordBlockKind.End, [])];
        var file = Read(bytes);
        file.Damage.ShouldBeNull();
        file.Node.ShouldBe("");
        file.Text("version").ShouldBe("1.2.3");
    }

    [Fact]
    public void A_pipe_is_refused_with_a_word()
    {
        using var server = new AnonymousPipeServerStream(PipeDirection.Out);
        using var client = new AnonymousPipeClientStream(PipeDirection.In, server.ClientSafePipeHandle);
        server.Write(RecordBlock.Start());
        Should.Throw<InvalidDataException>(() => RecordFile.Read(client, Reader)).Message.ShouldBe(
            "it is a pipe; a recording is read from a file");
    }

    [Fact]
    public void A_run_without_rows_and_a_table_twice_are_no_record()
    {
        // Table 0: other rows; a run of no row.
        Objection([0x82, 0x01, 2, 1, 1]).ShouldBe("a run has no rows");
        // The same rows, no cell differs, twice.
        byte[] same = [0x82, 0x01, 2, 0, 0];
        Objection([.. same, .. same]).ShouldBe("it names a table twice");

        static string Objection(byte[] record) => Should.Throw<InvalidDataException>(() => FrameReader.Apply(
            new(), record, [], [new(RecordedNode.Machine, 1)])).Message;
    }

    [Fact]
    public void An_address_behind_an_escape_is_masked()
    {
        const string Header = """{"a":"x\n10.1.2.3","b":["\u002710.1.2.4\u0027","10.1.2.3"],"n":1.50}""";
        var file = Read(Bytes(new(Header, null, []), new()));
        file.Damage.ShouldBeNull();
        file.Text("a").ShouldBe("x\n192.0.2.1");
        file.Header.GetProperty("b")[0].GetString().ShouldBe("'192.0.2.2'");
        file.Header.GetProperty("b")[1].GetString().ShouldBe("192.0.2.1");
        file.Text("n").ShouldBe("1.50");
    }

    [Fact]
    public void Tables_of_another_version_are_as_the_file_has_them_and_known_metrics_are_found()
    {
        var (node, bytes) = Recorded(5, 20);
        // The reader's table has a metric more, in front.
        var more = Metric.Counter("netlens.test.more", "1", "More.");
        var packets = Metric.Counter("netlens.test.packets", "{packet}", "Packets.");
        var wider = new TableInfo("test", RowScope.Namespace, [new("device"), new("address")],
            [more, Metric.UpDownCounter("netlens.test.level", "1", "A level."), packets,
                Metric.Histogram("netlens.test.times", "s", "Times.", [0.1, 1], 1e-9)]);
        var file = Read(bytes, new("1.2.4", [wider], []));
        file.Damage.ShouldBeNull();
        var table = file.Collections!.Newest.Find(wider)!;
        table.Column(more).ToArray().ShouldAllBe(v => v == Metric.Absent);
        // More than a counter can have is absent when it is published.
        table.Column(packets).ToArray().ShouldBe(node.Rows.Where(r => r.Row.Table == RecordedNode.Devices)
            .Select(r => r.Cells[0] < 0 ? Metric.Absent : r.Cells[0]));
        // One that it does not know at all.
        file.Collections.Newest.Tables.Select(t => t.Info.Id).ShouldContain("test.machine");
        HistoryTests.Back(file.Collections).Count.ShouldBe(20);
    }

    [Fact]
    public void A_masked_file_has_no_address_of_the_node()
    {
        var (_, bytes) = Recorded(6, 200, new());
        var all = new StringBuilder();
        using var stream = new MemoryStream(bytes);
        stream.Position = RecordBlock.Start().Length;
        RecordBlockKind kind;
        do
            all.Append(Encoding.Latin1.GetString(RecordBlock.Read(stream, out kind)));
        while (kind != RecordBlockKind.End);
        var text = all.ToString();
        foreach (var address in (string[])["10.7.", "10.1.2.3", "172.16.9.8", "2001:db7:", "02:42:ac:11:00:02"])
            text.ShouldNotContain(address);
        foreach (var address in (string[])["172.16.9.8", "2001:db7::9"])
            text.ShouldNotContain(Encoding.Latin1.GetString(IPAddress.Parse(address).GetAddressBytes()));

        var file = Read(bytes);
        file.Damage.ShouldBeNull();
        var (first, second) = (file.Events[0].Event, file.Events[1].Event);
        // The same for the same, of the same family, in texts and tuples.
        first.Message.ShouldBe($"{first.Tuple!.Source}:80 reset {first.Tuple.Destination}");
        first.Tuple.Source.AddressFamily.ShouldBe(System.Net.Sockets.AddressFamily.InterNetwork);
        first.Tuple.Destination.AddressFamily.ShouldBe(System.Net.Sockets.AddressFamily.InterNetworkV6);
        file.Text("listen").ShouldBe($"{first.Tuple.Source}:9102");
        second.Subject!.Names.PodName.ShouldBe("web-0");
        file.Collections!.Newest.Tables.SelectMany(t => t.Rows.ToArray()).Where(r => r.Tags.Count > 1)
            .ShouldAllBe(r => IPAddress.Parse(r.Tags[1].Text).AddressFamily
                == System.Net.Sockets.AddressFamily.InterNetwork);
    }

    [Fact]
    public void A_file_is_its_owners_and_whole_or_not_there()
    {
        var path = Path.Combine(_folder.FullName, "a.nlrec");
        RecordKeeper.Write(path, [[1, 2], [3]]);
        File.ReadAllBytes(path).ShouldBe([1, 2, 3]);
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Should.Throw<IOException>(() => RecordKeeper.Write(path, Broken()));
        File.ReadAllBytes(path).ShouldBe([1, 2, 3]);
        _folder.GetFiles().Select(f => f.Name).ShouldBe(["a.nlrec"]);

        static IEnumerable<byte[]> Broken()
        {
            yield return [9];
            throw new IOException("full");
        }
    }

    /// <summary>A file of which each collection is a block of its own, and that has no end.</summary>
    private static byte[] With(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        List<byte> bytes = [.. RecordBlock.Start(), .. RecordBlock.Pack(RecordBlockKind.Header, "{}"u8),
            .. RecordBlock.Pack(RecordBlockKind.Tables, [])];
        if (!first.IsEmpty)
            bytes.AddRange(RecordBlock.Pack(RecordBlockKind.Frames, first));
        bytes.AddRange(RecordBlock.Pack(RecordBlockKind.Frames, second));
        return [.. bytes];
    }

    [Fact]
    public void What_is_there_already_is_not_written_through()
    {
        var (path, other) = (Path.Combine(_folder.FullName, "b.nlrec"), Path.Combine(_folder.FullName, "other"));
        File.WriteAllText(other, "mine");
        if (OperatingSystem.IsWindows())
            File.WriteAllText($"{path}.part", "left");
        else
            File.CreateSymbolicLink($"{path}.part", other);
        RecordKeeper.Write(path, [[1, 2]]);
        File.ReadAllBytes(path).ShouldBe([1, 2]);
        File.ReadAllText(other).ShouldBe("mine");
    }

    private static List<NumberedEvent> Events()
    {
        var masked = EventSamples.Full() with
        {
            Tuple = new("tcp", IPAddress.Parse("172.16.9.8"), 80, IPAddress.Parse("2001:db7::9"), 443),
            Message = "172.16.9.8:80 reset 2001:db7::9",
            Fields = ["02:42:ac:11:00:02", -104, null],
        };
        return [new(3, masked), new(4, EventSamples.Full())];
    }

    private static (RecordedNode Node, byte[] Bytes) Recorded(int seed, int collections, AddressMask? mask = null)
    {
        var node = new RecordedNode(new() { Span = TimeSpan.FromDays(1) });
        HistoryTests.Live(node, seed, collections);
        if (node.Rows.All(r => r.Row.Table != RecordedNode.Machine))
        {
            node.Add(RecordedNode.Machine, 2);
            node.Publish();
        }
        using var recording = node.History.Read()!;
        const string Header = """{"version":"1.2.3","node":"node-1","listen":"172.16.9.8:9102"}""";
        return (node, Bytes(new(Header, recording, Events()), mask));
    }

    private static byte[] Bytes(RecordContents contents, AddressMask? mask = null) =>
        [.. new RecordFileWriter(contents, mask).Pieces().SelectMany(p => p)];

    private static RecordFile Read(byte[] bytes, RecordReaderOptions? reader = null) =>
        RecordFile.Read(new MemoryStream(bytes), reader ?? Reader);
}
