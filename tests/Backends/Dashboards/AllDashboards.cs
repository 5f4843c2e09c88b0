namespace Backends.Tests.Dashboards;

/// <summary>Every dashboard of otel-config/dashboards. The only registry.</summary>
internal static class AllDashboards
{
    /// <summary>Who a series is of: labels of a pod, of another namespace, of the node.</summary>
    public const string Who = "netlens_scope, k8s_namespace_name, k8s_pod_name, netlens_netns_name";

    /// <summary>The legend of such series.</summary>
    public const string WhoLegend =
        "{{netlens_scope}} {{k8s_namespace_name}} {{k8s_pod_name}}{{netlens_netns_name}}";

    public const string OfNode = "$nodelabel=~\"$node\"";

    public const string OfPod = OfNode + ",k8s_namespace_name=~\"$namespace\",k8s_pod_name=~\"$pod\"";

    /// <summary>The agent has it whatever its probes are.</summary>
    public static Variable Node { get; } = new("node", "Node", "netlens_namespaces", "$nodelabel");

    /// <summary>A series that every namespace has.</summary>
    private static readonly string OfNamespaces = new Series(OfNode)["netlens.tcp.active_opens"];

    private static readonly string OfPods = new Series(OfNode)[
        "netlens.tcp.active_opens", "k8s_namespace_name=~\"$namespace\""];

    public static IReadOnlyList<Variable> NodeAndPod { get; } =
    [
        Node, new("namespace", "Namespace", OfNamespaces, "k8s_namespace_name"),
        new("pod", "Pod", OfPods, "k8s_pod_name"),
    ];

    public static IReadOnlyList<Dashboard> List { get; } =
    [
        NodeDashboard.Make(), PodDashboard.Make(), ListenersDashboard.Make(), DropsDashboard.Make(),
        LatencyDashboard.Make(), AgentDashboard.Make(), KubeSkoopDashboards.Nodes(), KubeSkoopDashboards.Pods(),
    ];

    /// <summary>The greatest ten.</summary>
    public static string Top(string query) => $"topk(10, {query} > 0)";

    /// <summary>One figure as part of another; nothing where the other is 0.</summary>
    public static string Share(string part, string whole) => $"{part} / ({whole} > 0)";
}
