using System.Text;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

/// <summary>Bad input and the exact line that an operator sees.</summary>
public class ConfigurationErrorTests
{
    private const string Sections =
        "collection, probes, ebpf, budget, pods, limits, findings, events, recorder, http, prometheus, otlp, loki, "
        + "resource, logging, paths";
    private const string Interval = "a duration from 1s to 5m";
    private const string Switch = "true, false, on, off, yes, no";
    private const string HttpKeys = "enabled, listen, basePath, token, tokenFile, certificate, key, insecure, socket";

    private const string Listen = "host:port, such as 127.0.0.1:9102, [::1]:9102 or 0.0.0.0:9102";
    private const string BasePath =
        "a path such as /netlens, of letters, digits and -._~/, at most 128 characters, or empty text";

    private const string Url = "http://host:port or https://host:port, with a path if needed";
    private const string FastRetrans = ", but a metric of tcpext; it is exported with "
        + "'probes: {tcpext: {include: all}}'";
    private const string Kinds = "conntrack-full, path-loss, link-flap, disk-slow";
    private const string KindWords = $"all, {Kinds}, each with - in front to switch it off, or KIND.THRESHOLD=VALUE";
    private const string Probes = "netdev, tcp, udp, tcpext, softnet, slab, everything";

    [Theory]
    [InlineData("colection:\n  interval: 5s",
        $"1:1: key 'colection': is not a known key, did you mean 'collection'?; allowed: {Sections}")]
    [InlineData("zebra: 1", $"1:1: key 'zebra': is not a known key; allowed: {Sections}")]
    [InlineData("interval: 5s",
        $"1:1: key 'interval': is not a known key, did you mean 'collection.interval'?; allowed: {Sections}")]
    [InlineData("collection.interval: 5s",
        "1:1: key 'collection.interval': is written in one word; write 'collection:' and 'interval' indented below it; "
        + $"allowed: {Sections}")]
    [InlineData("otlp: {endpiont: http://x}",
        "1:8: key 'otlp.endpiont': is not a known key, did you mean 'endpoint'?; allowed: endpoint, protocol, headers, "
        + "compression, maxRequestSize, timeout, temporality, certificate, clientCertificate, clientKey, interval")]
    [InlineData("Http: {}", $"1:1: key 'Http': is not a known key, did you mean 'http'?; allowed: {Sections}")]
    [InlineData("\"a\\nb\": 1", $"1:1: key 'a\\u000Ab': is not a known key; allowed: {Sections}")]
    public void Unknown_keys(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("- a", $"1:1: the file is a list, not a map of sections; allowed: {Sections}")]
    [InlineData("text", $"1:1: the file is a single value, not a map of sections; allowed: {Sections}")]
    [InlineData("http: on", $"1:7: key 'http': is a single value; allowed: a map with {HttpKeys}")]
    [InlineData("http: [a]", $"1:7: key 'http': is a list; allowed: a map with {HttpKeys}")]
    [InlineData("probes: [tcp]",
        "1:9: key 'probes': is a list; allowed: a map of probes, each on, off or a map of its arguments")]
    [InlineData("collection:\n  interval: [5s]", $"2:13: key 'collection.interval': is a list; allowed: {Interval}")]
    [InlineData("collection:\n  interval: {a: b}", $"2:13: key 'collection.interval': is a map; allowed: {Interval}")]
    [InlineData("collection:\n  interval:\n", $"2:12: key 'collection.interval': has no value; allowed: {Interval}")]
    [InlineData("otlp: {headers: [a]}",
        "1:17: key 'otlp.headers': is a list; allowed: a map of header names to values")]
    [InlineData("otlp: {headers: {a: [b]}}", "1:21: key 'otlp.headers.a': is a list; allowed: text")]
    [InlineData("otlp: {headers: {a: }}", "1:21: key 'otlp.headers.a': has no value; allowed: text")]
    [InlineData("? [a]\n: b", "1:3: the name of an entry is a list, not a single word")]
    [InlineData("http: {{a: b}: c}", "1:8: key 'http': the name of an entry is a map, not a single word")]
    public void Wrong_kinds(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("collection: {interval: 15}",
        $"1:24: key 'collection.interval': '15' has no unit; allowed: {Interval}")]
    [InlineData("collection: {interval: 500ms}",
        $"1:24: key 'collection.interval': '500ms' is out of range; allowed: {Interval}")]
    [InlineData("collection: {interval: 301s}",
        $"1:24: key 'collection.interval': '301s' is out of range; allowed: {Interval}")]
    [InlineData("collection: {interval: 99999999999999999999h}",
        $"1:24: key 'collection.interval': '99999999999999999999h' is out of range; allowed: {Interval}")]
    [InlineData("collection: {interval: 1.5s}",
        $"1:24: key 'collection.interval': '1.5s' is not a duration; allowed: {Interval}")]
    [InlineData("collection: {interval: -5s}",
        $"1:24: key 'collection.interval': '-5s' is not a duration; allowed: {Interval}")]
    [InlineData("http: {enabled: flase}",
        $"1:17: key 'http.enabled': 'flase' is neither on nor off, did you mean 'false'?; allowed: {Switch}")]
    [InlineData("http: {listen: 9102}",
        $"1:16: key 'http.listen': '9102' is neither host:port nor unix:/path; allowed: {Listen}")]
    [InlineData("http: {listen: 'h:65536'}",
        $"1:16: key 'http.listen': 'h:65536' has no port from 0 to 65535; allowed: {Listen}")]
    [InlineData("http: {listen: 'example.org:80'}",
        "1:16: key 'http.listen': 'example.org:80' does not begin with an IPv4 address, an IPv6 address in brackets, "
        + $"or localhost; allowed: {Listen}")]
    [InlineData("http: {basePath: netlens}",
        $"1:18: key 'http.basePath': 'netlens' does not begin with /; allowed: {BasePath}")]
    [InlineData("http: {basePath: /a//b}", $"1:18: key 'http.basePath': '/a//b' holds //; allowed: {BasePath}")]
    [InlineData("http: {basePath: /a/../b}",
        $"1:18: key 'http.basePath': '/a/../b' has a part that is . or ..; allowed: {BasePath}")]
    [InlineData("http: {basePath: '/a?b=c'}",
        "1:18: key 'http.basePath': '/a?b=c' holds characters other than letters, digits and -._~/; "
        + $"allowed: {BasePath}")]
    [InlineData("http: {basePath: '/a b'}",
        "1:18: key 'http.basePath': '/a b' holds characters other than letters, digits and -._~/; "
        + $"allowed: {BasePath}")]
    [InlineData("http: {basePath: /Metrics/a}",
        $"1:18: key 'http.basePath': '/Metrics/a' begins with a path of the agent's own; allowed: {BasePath}")]
    [InlineData("events: {burst: 0}",
        "1:17: key 'events.burst': '0' is out of range; allowed: a whole number from 1 to 10000")]
    [InlineData("events: {queue: many}",
        "1:17: key 'events.queue': 'many' is not a whole number; allowed: a whole number from 1 to 65536")]
    [InlineData("events: {window: 10}",
        "1:18: key 'events.window': '10' has no unit; allowed: a duration from 1s to 1h")]
    [InlineData("events: {window: 999ms}",
        "1:18: key 'events.window': '999ms' is out of range; allowed: a duration from 1s to 1h")]
    [InlineData("events: {json: events.json}",
        "1:16: key 'events.json': 'events.json' is not an absolute path; "
        + "allowed: stdout, an absolute path, or empty text")]
    [InlineData("events: {json: stduot}",
        "1:16: key 'events.json': 'stduot' is not an absolute path, did you mean 'stdout'?; "
        + "allowed: stdout, an absolute path, or empty text")]
    [InlineData("events: {otlp: grpc}",
        $"1:16: key 'events.otlp': 'grpc' is neither on nor off; allowed: {Switch}")]
    [InlineData("prometheus: {naming: kubescoop}",
        "1:22: key 'prometheus.naming': 'kubescoop' is not one of its values, did you mean 'kubeskoop'?; "
        + "allowed: otel, kubeskoop, inspector")]
    [InlineData("otlp: {endpoint: 'host:4317'}",
        $"1:18: key 'otlp.endpoint': 'host:4317' is not an http or https URL; allowed: {Url}")]
    [InlineData("otlp: {endpoint: 'http://u:secret@h'}",
        "1:18: key 'otlp.endpoint': must not hold a user name or a password; use otlp.headers; " + $"allowed: {Url}")]
    [InlineData("otlp: {endpoint: 'http://h/?a=b'}",
        "1:18: key 'otlp.endpoint': must not have a query or a fragment: the signal's path is appended; "
        + $"allowed: {Url}")]
    [InlineData("otlp: {certificate: ca.pem}",
        "1:21: key 'otlp.certificate': 'ca.pem' is not an absolute path; allowed: an absolute path")]
    [InlineData("otlp: {headers: {'a b': c}}",
        "1:18: key 'otlp.headers': 'a b' is not a header name; allowed: a map of header names to values")]
    [InlineData("otlp: {headers: {a: \"s\\r\\nx: y\"}}",
        "1:21: key 'otlp.headers.a': its value holds characters other than visible ASCII")]
    [InlineData("resource: {nodeName: ''}",
        "1:22: key 'resource.nodeName': is empty text; allowed: text without spaces, at most 253 characters")]
    public void Wrong_values(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("probes: {tpc: on}", $"1:10: key 'probes.tpc': is not a probe, did you mean 'tcp'?; allowed: {Probes}")]
    [InlineData("probes: {tcp: maybe}",
        "1:15: key 'probes.tcp': 'maybe' is neither on nor off; allowed: on, off, or a map with enabled")]
    [InlineData("probes: {tcp: }", "1:15: key 'probes.tcp': has no value; allowed: on, off, or a map with enabled")]
    [InlineData("probes: {softnet: [perCpu]}",
        "1:19: key 'probes.softnet': is a list; allowed: on, off, or a map with enabled, perCpu")]
    [InlineData("probes: {softnet: {percpu: on}}",
        "1:20: key 'probes.softnet.percpu': is not a known key, did you mean 'perCpu'?; allowed: enabled, perCpu")]
    [InlineData("probes: {softnet: {perCpu: 2}}",
        $"1:28: key 'probes.softnet.perCpu': '2' is neither on nor off; allowed: {Switch}")]
    [InlineData("probes: {tcpext: {include: al}}",
        "1:28: key 'probes.tcpext.include': 'al' is not one of its values, did you mean 'all'?; allowed: default, all")]
    [InlineData("probes: {tcpext: {include: fast_retrans}}",
        $"1:28: key 'probes.tcpext.include': 'fast_retrans' is not one of its values{FastRetrans}; "
        + "allowed: default, all")]
    [InlineData("probes: {tcpext: {fast_retrans: on}}",
        $"1:19: key 'probes.tcpext.fast_retrans': is not a known key{FastRetrans}; allowed: enabled, include")]
    [InlineData("probes: {netlens_tcpext_fast_retrans_total: on}",
        $"1:10: key 'probes.netlens_tcpext_fast_retrans_total': is not a probe{FastRetrans}; allowed: {Probes}")]
    [InlineData("probes: {netlens.tcpext.timeouts: on}",
        $"1:10: key 'probes.netlens.tcpext.timeouts': is not a probe; allowed: {Probes}")]
    [InlineData("probes: {everything: {count: 101}}",
        "1:30: key 'probes.everything.count': '101' is out of range; allowed: a whole number from 1 to 100")]
    [InlineData("probes: {everything: {count: 1e1}}",
        "1:30: key 'probes.everything.count': '1e1' is not a whole number; allowed: a whole number from 1 to 100")]
    [InlineData("probes: {everything: {every: 2h}}",
        "1:30: key 'probes.everything.every': '2h' is out of range; allowed: a duration from 1s to 1h")]
    [InlineData("probes: {everything: {links: [root, leave]}}",
        "1:30: key 'probes.everything.links': 'leave' is not one of its words, did you mean 'leaf'?; "
        + "allowed: a list of root, leaf, all")]
    [InlineData("probes: {everything: {links: [root, root]}}",
        "1:30: key 'probes.everything.links': names 'root' twice; allowed: a list of root, leaf, all")]
    [InlineData("probes: {everything: {skip: [[a]]}}",
        "1:29: key 'probes.everything.skip': is a list; allowed: a list of words")]
    [InlineData("probes: {everything: {note: \"a\\tb\"}}",
        "1:29: key 'probes.everything.note': 'a\\u0009b' holds control characters; "
        + "allowed: text without control characters")]
    public void Wrong_probes(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("findings: {pathloss: on}",
        $"1:12: key 'findings.pathloss': is not a kind of finding, did you mean 'path-loss'?; allowed: {Kinds}")]
    [InlineData("findings: [path-loss]",
        "1:11: key 'findings': is a list; allowed: a map of kinds, each on, off or a map of its thresholds")]
    [InlineData("findings: {conntrack-full: maybe}",
        "1:28: key 'findings.conntrack-full': 'maybe' is neither on nor off; allowed: on, off, or a map with enabled")]
    [InlineData("findings: {link-flap: [4]}",
        "1:23: key 'findings.link-flap': is a list; allowed: on, off, or a map with enabled, least")]
    [InlineData("findings: {link-flap: {leats: 5}}",
        "1:24: key 'findings.link-flap.leats': is not a known key, did you mean 'least'?; allowed: enabled, least")]
    [InlineData("findings: {link-flap: {enabled: 2}}",
        $"1:33: key 'findings.link-flap.enabled': '2' is neither on nor off; allowed: {Switch}")]
    [InlineData("findings: {link-flap: {least: 0}}",
        "1:31: key 'findings.link-flap.least': '0' is out of range; allowed: a whole number from 1 to 1000000")]
    [InlineData("findings: {link-flap: {least: 4.5}}",
        "1:31: key 'findings.link-flap.least': '4.5' is not a whole number; "
        + "allowed: a whole number from 1 to 1000000")]
    [InlineData("findings: {link-flap: {least: }}",
        "1:31: key 'findings.link-flap.least': has no value; allowed: a whole number from 1 to 1000000")]
    [InlineData("findings: {path-loss: {share: 101%}}",
        "1:31: key 'findings.path-loss.share': '101%' is out of range; "
        + "allowed: per cent such as 2% or 0.5 %, from 0% to 100%")]
    [InlineData("findings: {path-loss: {share: 0.125%}}",
        "1:31: key 'findings.path-loss.share': '0.125%' is not a percentage with two places at most; "
        + "allowed: per cent such as 2% or 0.5 %, from 0% to 100%")]
    [InlineData("findings: {disk-slow: {duration: 100}}",
        "1:34: key 'findings.disk-slow.duration': '100' has no unit; allowed: a duration from 1ms to 1m")]
    public void Wrong_findings(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("[53, 5353, 54, 55, 56]", "has 5 items")]
    [InlineData("[]", "has 0 items")]
    [InlineData("[53, dns]", "'dns' is not a whole number")]
    [InlineData("[53, 65536]", "'65536' is out of range")]
    [InlineData("[0]", "'0' is out of range")]
    [InlineData("[53, 53]", "names '53' twice")]
    public void Wrong_ports(string ports, string problem) =>
        ConfigurationLoader.Parse("f.yaml", Encoding.UTF8.GetBytes($"probes: {{dns: {{ports: {ports}}}}}"), Env(),
            [.. AllProbes.List.Select(p => p.Info)]).Errors.ShouldHaveSingleItem().ToString().ShouldEndWith(
                $": key 'probes.dns.ports': {problem}; allowed: a list of 1 to 4 whole numbers from 1 to 65535");

    [Theory]
    [InlineData("http:\n  listen: 127.0.0.1:1\n  listen: 127.0.0.1:2",
        "3:3: key 'http.listen': is written twice, first on line 2")]
    [InlineData("http: {}\nhttp: {}", "2:1: key 'http': is written twice, first on line 1")]
    [InlineData("probes:\n  tcp: on\n  udp: on\n  tcp: off",
        "4:3: key 'probes.tcp': is written twice, first on line 2")]
    [InlineData("otlp:\n  headers:\n    a: b\n    A: c",
        "4:5: key 'otlp.headers.A': is written twice, first on line 3")]
    public void Duplicates(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("http:\n\tenabled: on", "2:1: the line is indented with a tab; YAML takes only spaces")]
    [InlineData("http:\n  enabled: on\n\tlisten: x", "3:1: the line is indented with a tab; YAML takes only spaces")]
    [InlineData("http: &a {}", "1:7: is not valid YAML: anchors (&name) are not supported; "
        + "write the value out where it is needed")]
    [InlineData("http: *a", "1:7: is not valid YAML: aliases (*name) are not supported; write the value out")]
    [InlineData("http: !!map {}", "1:7: is not valid YAML: tags (!name) are not supported; write the plain value")]
    [InlineData("http: {}\n---\notlp: {}",
        "2:1: is not valid YAML: a second document begins here; allowed: one document in the file")]
    [InlineData("[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]", "1:17: is not valid YAML: is nested more than 16 levels deep")]
    public void Not_the_yaml_we_take(string yaml, string message) => One(yaml, message);

    [Theory]
    [InlineData("http: {")]
    [InlineData("http: \"x")]
    [InlineData("a: b: c")]
    [InlineData("a: b\n c: d")]
    [InlineData("http: @x")]
    [InlineData("%YAML 3.0\n---\n")]
    public void Broken_yaml_is_one_error_with_a_place(string yaml)
    {
        var error = Load(yaml).Errors.ShouldHaveSingleItem();
        error.ToString().ShouldMatch(@"^f\.yaml:\d+:\d+: is not valid YAML: .");
    }

    [Theory]
    [InlineData("NETLENS_COLLECTION_INTERVAL", "0s",
        $"key 'collection.interval': '0s' is out of range; allowed: {Interval}")]
    [InlineData("NETLENS_HTTP_LISTEN", ":9102",
        $"key 'http.listen': ':9102' is neither host:port nor unix:/path; allowed: {Listen}")]
    [InlineData("NETLENS_PROMETHEUS_NAMING", "Otel",
        "key 'prometheus.naming': 'Otel' is not one of its values, did you mean 'otel'?; "
        + "allowed: otel, kubeskoop, inspector")]
    [InlineData("NODE_NAME", "a b", "key 'resource.nodeName': 'a b' holds spaces; "
        + "allowed: text without spaces, at most 253 characters")]
    [InlineData("NETLENS_PROBES", "tcp,slob", "key 'probes': 'slob' is not a probe, did you mean 'slab'?; "
        + $"allowed: all, {Probes}, each with - in front to switch it off")]
    [InlineData("NETLENS_PROBES", "tcp,-tcp",
        $"key 'probes': names 'tcp' twice; allowed: all, {Probes}, each with - in front to switch it off")]
    [InlineData("NETLENS_PROBES", "tcp,-all",
        $"key 'probes': '-all' must come first; allowed: all, {Probes}, each with - in front to switch it off")]
    [InlineData("NETLENS_FINDINGS", "link-flop",
        $"key 'findings': 'link-flop' is not a kind of finding, did you mean 'link-flap'?; allowed: {KindWords}")]
    [InlineData("NETLENS_FINDINGS", "link-flap,-link-flap",
        $"key 'findings': names 'link-flap' twice; allowed: {KindWords}")]
    [InlineData("NETLENS_FINDINGS", "link-flap,-all", $"key 'findings': '-all' must come first; allowed: {KindWords}")]
    [InlineData("NETLENS_FINDINGS", "link-flap.leats=3",
        "key 'findings.link-flap.leats': is not a known key, did you mean 'least'?; allowed: least")]
    [InlineData("NETLENS_FINDINGS", "link-flap.least=many", "key 'findings.link-flap.least': 'many' is not a whole "
        + "number; allowed: a whole number from 1 to 1000000")]
    [InlineData("NETLENS_FINDINGS", "link-flop.least=3",
        $"key 'findings': 'link-flop' is not a kind of finding, did you mean 'link-flap'?; allowed: {KindWords}")]
    [InlineData("NETLENS_PROBES", "-",
        $"key 'probes': '' is not a probe; allowed: all, {Probes}, each with - in front to switch it off")]
    public void Wrong_variables(string name, string value, string message) =>
        Load("", (name, value)).Errors.ShouldHaveSingleItem().ToString()
            .ShouldBe($"environment variable {name}: {message}");

    [Fact]
    public void Every_error_is_told_at_once_in_the_order_of_the_file()
    {
        var result = Load(
            "collection:\n  interval: 5\nprobes:\n  tpc: on\n  softnet: {a: b, perCpu: x}\n"
            + "foo: 1\nhttp:\n  listen: x\n",
            ("NETLENS_HTTP_ENABLED", "?"));

        result.Options.ShouldBeNull();
        result.Errors.Select(e => $"{e.Place} {e.Key}").ShouldBe([
            "f.yaml:2:13 collection.interval", "f.yaml:4:3 probes.tpc", "f.yaml:5:13 probes.softnet.a",
            "f.yaml:5:27 probes.softnet.perCpu", "f.yaml:6:1 foo", "f.yaml:8:11 http.listen",
            "environment variable NETLENS_HTTP_ENABLED http.enabled"]);
    }

    [Fact]
    public void An_alias_bomb_ends_at_its_first_anchor() => One(
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
        "1:4: is not valid YAML: anchors (&name) are not supported; write the value out where it is needed");

    [Fact]
    public void A_flood_of_errors_is_cut_and_counted()
    {
        var errors = Load(string.Concat(Enumerable.Range(0, 50_000).Select(i => $"key{i}: 1\n"))).Errors;

        errors.Count.ShouldBe(101);
        errors[^1].Problem.ShouldBe("49900 more errors are not shown");
    }

    [Fact]
    public void Long_values_are_cut_and_secrets_are_not_shown()
    {
        Load($"http: {{listen: {new string('x', 5000)}}}").Errors.Single().ToString().Length.ShouldBeLessThan(300);
        Load("otlp: {headers: {a: \"s3cr\\u0001t\"}}").Errors.Single().ToString().ShouldNotContain("s3cr");
    }

    private static void One(string yaml, string message) =>
        Load(yaml).Errors.ShouldHaveSingleItem().ToString().ShouldBe($"f.yaml:{message}");
}
