using Collector.Worker.Configuration;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

public class ConfigurationPrinterTests
{
    [Fact]
    public void Each_value_has_its_source_and_secrets_are_left_out()
    {
        var result = Load(
            "collection: {interval: 60s}\nfindings: {path-loss: {least: 77}, link-flap: off}\n"
            + "probes: {tcpext: {include: all}, tcp: off}\n"
            + "otlp:\n  headers: {authorization: s3cret}\nhttp: {token: s3cret}\n",
            ("NETLENS_HTTP_LISTEN", "[::]:80"), ("NETLENS_FINDINGS", "disk-slow.errorDuration=2s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"));

        ConfigurationPrinter.Print(result, Catalogue).ShouldBe("""
            collection:
              interval: 1m  # f.yaml:1
              source: auto  # default
              zeros: keep  # default
            probes:
              netdev: true  # default
              tcp: false  # f.yaml:3
              udp: true  # default
              tcpext:
                enabled: true  # f.yaml:3
                include: all  # f.yaml:3
              softnet:
                enabled: true  # default
                perCpu: false  # default
              slab: false  # default
              everything:
                enabled: true  # default
                count: 10  # default
                every: 1m  # default
                note: ""  # default
                links: [root, leaf]  # default
                skip: []  # default
            ebpf:
              btf: null  # default
              eventBuffer: 256KiB  # default
            budget:
              cpu: 2%  # default
            pods:
              runtimeEndpoint: ""  # default
              poll: 10s  # default
              events: false  # default
              labels: []  # default
              containers: false  # default
            limits:
              namespaces: 4096  # default
              rootless: 128  # default
              rows: 1024  # default
              processes: 10000  # default
              containers: 1024  # default
            findings:
              conntrack-full: true  # default
              path-loss:
                enabled: true  # default
                least: 77  # f.yaml:2
                share: 0.5%  # default
                errorFrom: 20  # default
                errorShare: 2%  # default
                proven: 25%  # default
              link-flap:
                enabled: false  # f.yaml:2
                least: 4  # default
              disk-slow:
                enabled: true  # default
                least: 3  # default
                duration: 100ms  # default
                errorDuration: 2s  # env NETLENS_FINDINGS
            events:
              enabled: true  # default
              burst: 10  # default
              window: 10s  # default
              json: ""  # default
              otlp: true  # default
              spans: false  # default
              journald: false  # default
              queue: 4096  # default
              spool: null  # default
              spoolSize: 64MiB  # default
              spoolAge: 24h  # default
              recent: 10000  # default
              inspector: ""  # default
            recorder:
              memory: 16MiB  # default
              span: 1h  # default
              folder: null  # default
              files: 5  # default
            http:
              enabled: true  # default
              listen: "[::]:80"  # env NETLENS_HTTP_LISTEN
              basePath: ""  # default
              # token: not shown  # f.yaml:6
              tokenFile: null  # default
              certificate: null  # default
              key: null  # default
              insecure: false  # default
              socket: /run/netlens/netlens.sock  # default
            prometheus:
              naming: otel  # default
              scrapeInterval: 1m  # default
            otlp:
              endpoint: null  # default
              protocol: null  # default
              headers:  # f.yaml:5; OTEL_EXPORTER_OTLP_HEADERS goes over it
                # authorization: not shown
              compression: null  # default
              maxRequestSize: null  # default
              timeout: null  # default
              temporality: null  # default
              certificate: null  # default
              clientCertificate: null  # default
              clientKey: null  # default
              interval: null  # default
            loki:
              endpoint: null  # default
              tenant: null  # default
              username: null  # default
              password: null  # default
              passwordFile: null  # default
              token: null  # default
              tokenFile: null  # default
              certificate: null  # default
              clientCertificate: null  # default
              clientKey: null  # default
              timeout: 10s  # default
              form: netlens  # default
              labels: []  # default
            resource:
              nodeName: null  # default
              attributes:  # default
            logging:
              level: info  # default
            paths:
              proc: /proc  # default
              sys: /sys  # default

            """);
    }

    [Fact]
    public void Secrets_are_printed_only_when_asked_for()
    {
        var result = Load("otlp: {headers: {authorization: s3cret}}\nloki: {password: s3cret, token: s3cret}\n"
            + "http: {token: s3cret}");

        ConfigurationPrinter.Print(result, Catalogue).ShouldNotContain("s3cret");
        result.Options!.ToString().ShouldNotContain("s3cret");
        var printed = ConfigurationPrinter.Print(result, Catalogue, revealSecrets: true);
        LoadGood(printed).Otlp.Headers["authorization"].ShouldBe("s3cret");
        LoadGood(printed).Http.Token.ShouldBe(new Secret("s3cret"));
    }

    [Fact]
    public void Without_its_secrets_a_printed_file_still_loads()
    {
        var printed = ConfigurationPrinter.Print(Load("otlp: {headers: {authorization: s3cret}}"), Catalogue);
        Describe(LoadGood(printed)).ShouldBe(Describe(LoadGood("")));
    }

    [Fact]
    public void A_result_with_errors_is_not_printed() =>
        Should.Throw<ArgumentException>(() => ConfigurationPrinter.Print(Load("a: b"), Catalogue));
}
