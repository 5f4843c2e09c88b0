using System.Text;

namespace Backends.Tests.Alerts;

/// <summary>The rules and their unit tests as Prometheus, vmalert and promtool read them.</summary>
internal static class AlertYaml
{
    /// <summary>Stands for where docs are published: who installs the rules puts an address.</summary>
    public const string Docs = "NETLENS_DOCS";

    // Of a namespace that is gone nothing is known but that it was one.
    private const string Who =
        "{{ if $labels.k8s_pod_name }}pod {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }}"
        + "{{ else if $labels.netlens_netns_name }}namespace {{ $labels.netlens_netns_name }}"
        + "{{ else if eq (or $labels.netlens_scope \"node\") \"node\" }}the node"
        + "{{ else }}namespace {{ or $labels.netlens_netns \"that is gone\" }}{{ end }}, "
        + "{{ or $labels.k8s_node_name $labels.node $labels.host_name $labels.instance }}";

    public static string Rules()
    {
        var text = new StringBuilder($"""
            # Generated (UPDATE_DOCS=1 ./test Docs rewrites it). For Prometheus (rule_files) and vmalert (-rule);
            # ../README.md says what is behind the thresholds. {Docs} in runbook_url is where docs/ is published:
            #   sed -i 's|{Docs}|https://docs.example.com/netlens|' netlens.rules.yaml
            groups:

            """.ReplaceLineEndings("\n"));
        foreach (var (group, alerts) in AllAlerts.Groups)
        {
            text.Append($"  - name: {group}\n    rules:\n");
            foreach (var alert in alerts)
                Append(text, alert);
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, Alert alert) => text
        .Append($"      - alert: {alert.Name}\n")
        .Append($"        expr: {Quoted(alert.Expression)}\n")
        .Append($"        for: {alert.For}\n")
        // Not another alert each time that it comes and goes.
        .Append("        keep_firing_for: 5m\n")
        .Append($"        labels: {{ severity: {alert.Severity} }}\n")
        .Append("        annotations:\n")
        .Append($"          summary: {Quoted($"{alert.Title}: {Who}")}\n")
        .Append($"          description: {Quoted(alert.Advice)}\n")
        .Append($"          runbook_url: {Docs}/{alert.Page}\n");

    public static string Tests() => Tests(AllAlerts.Groups.SelectMany(g => g.Alerts));

    public static string Tests(IEnumerable<Alert> alerts)
    {
        var text = new StringBuilder("""
            # Generated (UPDATE_DOCS=1 ./test Docs rewrites it): promtool test rules netlens.tests.yaml. Of two nodes
            # one has the fault, and after a minute it is too early.
            rule_files: [netlens.rules.yaml]
            evaluation_interval: 1m
            tests:

            """.ReplaceLineEndings("\n"));
        foreach (var alert in alerts)
            AppendTest(text, alert);
        return text.ToString();
    }

    private static void AppendTest(StringBuilder text, Alert alert)
    {
        var test = alert.Case;
        text.Append($"  - name: {alert.Name}\n    interval: 1m\n    input_series:\n");
        foreach (var (name, faulty, healthy) in test.Series)
        {
            foreach (var (instance, values) in new[] { (AllAlerts.Faulty, faulty), (AllAlerts.Healthy, healthy) })
            {
                text.Append($"      - series: {Quoted(With(name, $"{test.Labels},{SubjectOf(test, instance)}"))}\n")
                    .Append($"        values: {Quoted(values)}\n");
            }
        }
        text.Append("    alert_rule_test:\n")
            .Append($"      - {{ eval_time: 1m, alertname: {alert.Name}, exp_alerts: [] }}\n")
            .Append($"      - eval_time: {test.At}\n        alertname: {alert.Name}\n        exp_alerts:\n")
            .Append($"          - exp_labels:\n              severity: {alert.Severity}\n");
        foreach (var label in $"{test.Labels},{SubjectOf(test, AllAlerts.Faulty)}".Split(',').Where(l => l.Length > 0))
        {
            var at = label.IndexOf('=', StringComparison.Ordinal);
            text.Append($"              {label[..at]}: {label[(at + 1)..]}\n");
        }
        var who = test.OfPod ? "pod shop/web-0" : "the node";
        text.Append("            exp_annotations:\n")
            .Append($"              summary: {Quoted($"{alert.Title}: {who}, {AllAlerts.Faulty}")}\n")
            .Append($"              description: {Quoted(alert.Advice)}\n")
            .Append($"              runbook_url: {Docs}/{alert.Page}\n");
    }

    private static string SubjectOf(AlertCase test, string instance) =>
        $"instance=\"{instance}\"" + (test.OfPod ? ",k8s_namespace_name=\"shop\",k8s_pod_name=\"web-0\"" : "");

    // A series that a selector finds: its matchers, and these labels, each once.
    private static string With(string selector, string labels)
    {
        var brace = selector.IndexOf('{', StringComparison.Ordinal);
        var matchers = brace < 0 ? "" : selector[(brace + 1)..^1];
        var all = $"{matchers},{labels}".Split(',').Where(l => l.Length > 0).Distinct();
        return $"{(brace < 0 ? selector : selector[..brace])}{{{string.Join(", ", all)}}}";
    }

    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
