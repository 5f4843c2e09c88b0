using System.Globalization;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Drops in namespaces that live too short to be found, whose numbers the kernel gives to others.</summary>
public sealed class StrangerTests
{
    private const string Drops = "netlens.packetloss.drops";

    /// <summary>What older exporters' names are made of: a sum per namespace.</summary>
    private const string Sums = "packetloss.ip";

    // Enters namespaces one after the other, drops datagrams in each, waits until all are gone (on a busy machine
    // ksoftirqd takes them, later), and says what the kernel counted in each. A third number N has it wait for a line
    // in every Nth.
    private const string ManyLives = """
        import ctypes, fcntl, os, socket, struct, sys, time
        libc = ctypes.CDLL(None)
        lives, drops = int(sys.argv[1]), int(sys.argv[2])
        pause = int(sys.argv[3]) if len(sys.argv) > 3 else 0
        for life in range(1, lives + 1):
            assert libc.unshare(0x40000000) == 0
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x49))
            for _ in range(drops): s.sendto(b'x', ('127.0.0.1', 9))
            for _ in range(3000):
                udp = [l.split() for l in open('/proc/thread-self/net/snmp') if l.startswith('Udp:')]
                if (counted := int(udp[1][udp[0].index('NoPorts')])) >= drops: break
                time.sleep(0.01)
            print(os.stat('/proc/thread-self/ns/net').st_ino, counted, flush=True)
            if pause and life % pause == 0: sys.stdin.readline()
            s.close()
        """;

    // So many one after the other, of one datagram each: as long as an emulated kernel needs. What these counted.
    private static long Live(int lives)
    {
        var counted = 0L;
        using var process = Shell.Start(
            "python3", "-S", "-c", ManyLives, lives.ToString(CultureInfo.InvariantCulture), "1");
        while (process.StandardOutput.ReadLine() is { } line)
            counted += long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        process.WaitForExit();
        process.ExitCode.ShouldBe(0);
        return counted;
    }

    [RequiresBpfFact("python3")]
    public void Five_hundred_lives_one_after_the_other_are_counted_to_the_packet()
    {
        using var run = new BpfProbeRun("packetloss");
        var total = new RowTotal(run);
        total.Take(run.Collect());
        var before = total.Value;
        var sums = OfOwn(run.Collect());
        Live(500).ShouldBe(500);
        // At first, and when all are known to be over.
        for (var i = 0; i < 4; i++)
        {
            total.Take(run.Collect());
            (total.Value - before).ShouldBe(500, total.ToString());
        }
        // Others come and go: the sums of what is over stay as they are. Without cookies, what one of them gets the
        // number of is taken for its own.
        for (var i = 0; i < 3 && HasCookies(run); i++)
        {
            using var other = new TestNetns();
            (OfOwn(run.Collect()) - sums).ShouldBe(500);
        }
    }

    // A sum has all reasons: without those of others, which the rows of the same collection tell.
    private static long OfOwn(Snapshot snapshot) => RowTotal.Of(snapshot, RowTotal.IsUnnamed, Sums)
        - RowTotal.Of(snapshot, RowTotal.IsUnnamed, "packetloss", static r => !IsOwn(r) && IsOfSums(r));

    // A datagram to nobody, as the lives send them, by the kernel's reason or its function.
    private static bool IsOwn(Row row) => row.Tags[1].Text == "ipv4"
        && row.Tags[0].Text is "NO_SOCKET" or "__udp4_lib_rcv" or "udp_rcv";

    private static bool IsOfSums(Row row) => row.Tags[1].Text != "other" && row.Tags[2].Text != "orderly";

    [RequiresBpfFact("python3")]
    public void The_same_while_collections_find_some_of_them()
    {
        using var run = new BpfProbeRun("packetloss");
        var total = new RowTotal(run);
        total.Take(run.Collect());
        var before = total.Value;
        using var process = Shell.Start("python3", "-S", "-c", ManyLives, "500", "1", "4");
        var counted = 0L;
        var lives = 0;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            counted += long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
            if (++lives % 4 != 0)
                continue;
            // No life is in two collections, however busy the machine is: it would take its row with it.
            total.Take(run.Collect());
            process.StandardInput.WriteLine();
        }
        process.WaitForExit();
        counted.ShouldBe(500);
        for (var i = 0; i < 4; i++)
            total.Take(run.Collect());
        // Without cookies, what was counted for an earlier life of a number goes with the one that was found.
        if (HasCookies(run))
            (total.Value - before).ShouldBe(500, total.ToString());
        else
            (total.Value - before).ShouldBeInRange(1, 500);
    }

    [RequiresBpfTheory("python3")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_namespace_that_gets_the_number_of_one_that_nobody_found_has_its_own_drops(bool seenBetween)
    {
        var tries = 1;
        // Another namespace of the machine may have taken the number: then it is the next stranger's turn.
        while (!IsOwnOf(seenBetween))
            (++tries).ShouldBeLessThan(10, "the kernel gives a free number to the next one");
    }

    private static bool IsOwnOf(bool seenBetween)
    {
        using var run = new BpfProbeRun("packetloss");
        var said = Shell.Run("python3", "-S", "-c", ManyLives, "1", "5");
        var inode = ulong.Parse(said.Split(' ')[0], CultureInfo.InvariantCulture);
        if (seenBetween)
            run.Sum(Drops, inode).ShouldBe(5);
        using (var others = new Successors())
        {
            if (others.Take(inode) is not { } next)
                return false;
            DropTraffic.Datagrams(next, "127.0.0.1", 9, count: 100);
            BpfProbeRun.Eventually(() => TcpLab.Nstat(next, "UdpNoPorts").ShouldBe(100));
            var snapshot = run.Collect();
            if (!HasCookies(run))
            {
                // Nothing tells the two apart; none is lost.
                RowTotal.Of(snapshot, s => s.Inode == inode || s.IsPast, which: IsOwn).ShouldBe(105);
                return true;
            }
            RowTotal.Of(snapshot, s => s.Inode == inode, which: IsOwn).ShouldBe(100);
            RowTotal.Of(snapshot, s => s.IsPast, which: IsOwn).ShouldBe(5);
            run.Sum(Drops, inode).ShouldBe(100);
        }
        run.Collect();
        run.Sum(Drops, inode).ShouldBe(0);
        RowTotal.Of(run.Collect(), s => s.IsPast, which: IsOwn).ShouldBe(5);
        return true;
    }

    [RequiresBpfFact("python3")]
    public void Series_of_strangers_neither_fall_nor_begin_anew_and_no_two_are_the_same()
    {
        using var run = new BpfProbeRun("packetloss");
        var total = new RowTotal(run);
        for (var i = 0; i < 3; i++)
        {
            // More than the directory of namespaces remembers.
            Live(400).ShouldBe(400);
            for (var j = 0; j < 2; j++)
                total.Take(run.Collect());
        }
        total.Resets.ShouldBe(0);
    }

    /// <summary>Linux 5.14 and later: a namespace has a number that no other one gets.</summary>
    private static bool HasCookies(BpfProbeRun run) => run.Host.Namespaces.Host.Namespace.Cookie != 0;

    /// <summary>
    /// What a page says of datagrams to nobody in all namespaces but the node's, those that live on, and those that had
    /// been found before: when one of these ends, what it had counted until then goes. Not of other drops: a namespace
    /// of an earlier test may live on without its name, and IPv6 sends by itself.
    /// </summary>
    private sealed class RowTotal(BpfProbeRun run)
    {
        private readonly HashSet<Subject> _before = [.. run.Host.Namespaces.All.Select(h => h.Namespace)];
        private Dictionary<Row, long> _last = [];

        public long Value => _last.Values.Sum();

        public int Resets { get; private set; }

        public void Take(Snapshot snapshot)
        {
            var now = Rows(snapshot, s => IsUnnamed(s) && !_before.Contains(s), "packetloss", IsOwn)
                .ToDictionary(r => r.Row, r => r.Drops);
            now.Keys.GroupBy(r => $"{r.Subject!.Inode} {string.Join(' ', r.Tags)}").ShouldAllBe(g => g.Count() == 1);
            Resets += _last.Count(l => now.TryGetValue(l.Key, out var after)
                && (after < l.Value || l.Key.StartTimeOf(0) != l.Key.StartTime));
            _last = now;
        }

        public override string ToString() => string.Join('\n', _last.Select(
            r => $"{r.Key.Subject!.Inode} {r.Key.Subject.IsPast} {string.Join(' ', r.Key.Tags)}: {r.Value}"));

        public static bool IsUnnamed(Subject subject) => !subject.IsHost && subject.Names.NetnsName is null;

        public static long Of(
            Snapshot snapshot, Func<Subject, bool> of, string id = "packetloss", Func<Row, bool>? which = null) =>
            Rows(snapshot, of, id, which).Sum(r => r.Drops);

        private static IEnumerable<(Row Row, long Drops)> Rows(
            Snapshot snapshot, Func<Subject, bool> of, string id, Func<Row, bool>? which)
        {
            var table = snapshot.Tables.SingleOrDefault(t => t.Info.Id == id);
            for (var i = 0; i < (table?.Count ?? 0); i++)
            {
                var row = table!.Rows[i];
                if (row.Subject is { } subject && of(subject) && which?.Invoke(row) is not false)
                    yield return (row, table.Column(0)[i]);
            }
        }
    }
}
