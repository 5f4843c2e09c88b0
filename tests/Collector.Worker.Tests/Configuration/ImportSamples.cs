namespace Collector.Worker.Tests.Configuration;

/// <summary>The settings of the files that KubeSkoop ships, written down anew.</summary>
internal static class ImportSamples
{
    private static readonly string[] Common =
        ["conntrack", "qdisc", "netdev", "io", "sock", "tcpsummary", "tcp", "tcpext", "udp", "packetloss"];

    public static TheoryData<string, string[], string[]> Shipped => new()
    {
        { "bundle", [.. Common, "tcpretrans", "tcpreset", "socketlatency", "flow"], ["enableController"] },
        {
            "helm", [.. Common, "tcpretrans", "tcpreset", "biolatency", "receive", "transmit", "flow"],
            ["debugmode", "enablePortInLabel"]
        },
        {
            "net-exporter", [.. Common, "tcpreset", "biolatency", "receive", "transmit", "flow"],
            ["debugmode", "enable_controller"]
        },
        {
            "legacy", ["netdev", "io", "packetloss", "sock", "tcpsummary", "tcp", "tcpext", "udp", "softnet", "softirq",
                "virtcmdlatency", "tcpreset", "receive", "transmit", "socketlatency"],
            ["sched", "interval"]
        },
    };

    public static string Text(string sample) => sample switch
    {
        "bundle" => Bundle,
        "helm" => Helm,
        "net-exporter" => NetExporter,
        _ => Legacy,
    };

    // The manifest of everything: of its many documents one is the file.
    private const string Bundle = """
        apiVersion: v1
        kind: Namespace
        metadata: {labels: {a: b}}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {namespace: kubeskoop, labels: {a: b}}
        data:
          prometheus.rules: "groups: []"
        ---
        apiVersion: v1
        kind: ConfigMap
        data:
          config.yaml: |-
            debugMode: true
            port: 9102
            enableController: true
            metrics:
              probes:
              - name: conntrack
              - name: qdisc
              - name: netdev
              - name: io
              - name: sock
              - name: tcpsummary
              - name: tcp
              - name: tcpext
              - name: udp
              - name: socketlatency
              - name: packetloss
              - name: flow
                args: {enablePortInLabel: false}
              - name: tcpretrans
            event:
              probes:
              - name: tcpreset
              - name: packetloss
                args: {enableStack: false}
              - name: tcpretrans
              sinks:
              - name: stderr
              - name: loki
                args: {addr: loki-service}
        """;

    // What the chart makes of its own values.
    private const string Helm = """
        debugmode: false
        port: 9102
        metrics:
          probes: [{name: conntrack}, {name: qdisc}, {name: netdev}, {name: io}, {name: sock}, {name: tcpsummary},
            {name: tcp}, {name: tcpext}, {name: udp}, {name: kernellatency}, {name: packetloss},
            {name: flow, args: {enablePortInLabel: false}}, {name: tcpretrans}]
        event:
          probes: [{name: biolatency}, {name: kernellatency}, {name: packetloss, args: {enableStack: false}},
            {name: tcpreset}, {name: tcpretrans}]
          sinks: [{name: stderr}]
        """;

    // Its sink is a word where a map belongs.
    private const string NetExporter = """
        debugmode: true
        port: 9102
        enable_controller: true
        metrics:
          probes:
          - name: conntrack
          - name: qdisc
          - name: netdev
          - name: io
          - name: sock
          - name: tcpsummary
          - name: tcp
          - name: tcpext
          - name: udp
          - name: kernellatency
          - name: packetloss
          - name: flow
        event:
          probes:
          - name: biolatency
          - name: kernellatency
          - name: packetloss
          - name: tcpreset
          sinks:
          - stderr
        """;

    private const string Legacy = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {namespace: kubeskoop}
        data:
          config.yaml: |-
            debugmode: true
            metric_config:
              interval: 15
              port: 9102
              expose_labels:
              - {source: app, type: label, replace: application}
              - {source: ip, type: meta}
              probes: [netdev, io, socketlatency, packetloss, sched, sock, tcpsummary, tcp, tcpext, udp, softnet,
                net_softirq, kernellatency, virtcmdlatency]
            event_config:
              port: 19102
              loki_enable: true
              loki_address: "grafana-loki-service.kubeskoop.svc"
              probes: [tcpreset, packetloss, socketlatency, net_softirq, kernellatency, virtcmdlatency]
        """;
}
