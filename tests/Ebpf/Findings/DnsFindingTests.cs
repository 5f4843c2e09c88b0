using System.Net;
using Collector.Core.Events;
using Collector.Linux.Findings.Dns;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Faults of DNS, caused, and what is found of them.</summary>
public sealed class DnsFindingTests
{
    private static int _id;

    private static IPAddress Server => DnsLab.Servers[0];

    [RequiresBpfTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_server_that_does_not_answer(int which)
    {
        var run = FindingRun.Others;
        var server = DnsLab.Servers[which];
        using var pair = DnsLab.Pair();
        using var silent = new NameServer(pair.Right, _ => null);
        using var client = DnsLab.Client(pair.Left, server);
        var found = run.Await(DnsServerSilent.Kind, pair.Left, () => client.Send(DnsLab.Query(++_id)));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(server.ToString());
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} gets no answer from the DNS server {server}: "
            + @"\d+ queries waited 5 s, and none was answered$");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Left.Name} dig @{server} .");
        silent.Asked.ShouldBeGreaterThanOrEqualTo(2);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void Queries_that_are_lost_and_asked_again_after_5_s()
    {
        var run = FindingRun.Others;
        using var pair = DnsLab.Pair();
        // The first of each is lost.
        var asked = new HashSet<int>();
        using var server = new NameServer(pair.Right, q =>
            q[0] < 0x80 || !asked.Add((q[0] << 8) | q[1]) ? DnsLab.Answer(q) : null);
        using var client = DnsLab.Client(pair.Left, Server);
        // Known by its name before anything happens.
        run.Collect();
        var found = run.Await(DnsFiveSeconds.Kind, pair.Left, () =>
        {
            var lost = 0x8000 | (++_id & 0xfff);
            client.Send(DnsLab.Query(lost));
            client.Send(DnsLab.Query(lost + 0x1000));
            DnsLab.Ask(pair.Left, Server, DnsLab.Query(++_id & 0x7fff));
            Thread.Sleep(4700);
            client.Send(DnsLab.Query(lost));
            client.Send(DnsLab.Query(lost + 0x1000));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldBe(
            $"network namespace {pair.Left.Name} lost 2 queries to the DNS server {Server} and asked again 5 s later");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void A_server_that_fails()
    {
        var run = FindingRun.Others;
        using var pair = DnsLab.Pair();
        using var server = new NameServer(pair.Right, 2);
        var found = run.Await(DnsServfail.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 5; i++)
                DnsLab.Ask(pair.Left, Server, DnsLab.Query(++_id));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} got \d+ of \d+ answers of the DNS server {Server} as "
            + "errors, most SERVFAIL$");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void A_server_that_answers_late()
    {
        var run = FindingRun.Others;
        using var pair = DnsLab.Pair();
        using var server = new NameServer(pair.Right, q =>
        {
            Thread.Sleep(600);
            return DnsLab.Answer(q);
        });
        var found = run.Await(DnsSlow.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 4; i++)
                DnsLab.Ask(pair.Left, Server, DnsLab.Query(++_id));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch(
            $@"^network namespace {pair.Left.Name} got \d+ of \d+ answers of the DNS server {Server} late, up to \d[\d.]* ms$");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void Names_that_do_not_exist()
    {
        var run = FindingRun.Others;
        using var pair = DnsLab.Pair();
        var asked = 0;
        using var server = new NameServer(pair.Right, q => DnsLab.Answer(q, asked++ % 4 == 3 ? 0 : 3));
        var found = run.Await(DnsNxdomain.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 80; i++)
                DnsLab.Ask(pair.Left, Server, DnsLab.Query(++_id));
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} asks the DNS server {Server} for names that do not ");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void A_server_that_answers_yields_nothing()
    {
        var run = FindingRun.Others;
        using var pair = DnsLab.Pair();
        var asked = 0;
        using var server = new NameServer(pair.Right, q => DnsLab.Answer(q, asked++ % 4 == 3 ? 3 : 0));
        run.ShouldBeSilent(
            () =>
            {
                foreach (var address in DnsLab.Servers)
                {
                    for (var i = 0; i < 20; i++)
                        DnsLab.Ask(pair.Left, address, DnsLab.Query(++_id));
                }
            },
            pair.Left, pair.Right);
    }
}
