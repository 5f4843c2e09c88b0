using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Subjects;

/// <summary>What each naming says of each sort of subject.</summary>
public sealed class SubjectNamingTests
{
    private static readonly SubjectNames Web = new(null, "shop", "web-0", "uid-1");

    private static readonly Subject Named = new NetNamespace(7, 2, false, 0, new("blue"));
    private static readonly Subject OfPod = new NetNamespace(8, 3, false, 0, Web with { NetnsName = "cni-1" });
    private static readonly Subject Stranger = new(SubjectKind.Stranger, 9, 1, 0);
    private static readonly Subject OnHost = new(SubjectKind.Pod, 1, 1, 0, Web) { HostNetwork = true };

    private static readonly Subject Container = new(
        SubjectKind.Container, 8, 2, 0, Web with { ContainerId = "abc", ContainerName = "main" });

    private static string Text(SubjectNaming naming, Subject? subject)
    {
        var tags = new List<Tag>();
        naming.Add(tags, SubjectFacts.Of(subject, "n1"));
        return string.Join(' ', tags.Select(t => $"{t.Key}={t.Value.Text}"));
    }

    [Fact]
    public void OpenTelemetry_s_names_leave_out_what_is_not_known()
    {
        const string Pod = "k8s.namespace.name=shop k8s.pod.name=web-0 k8s.pod.uid=uid-1";
        Text(SubjectNaming.Otel, null).ShouldBe("netlens.scope=node");
        Text(SubjectNaming.Otel, new NetNamespace(1, 1, true, 0)).ShouldBe("netlens.scope=node netlens.netns=1");
        Text(SubjectNaming.Otel, Named).ShouldBe(
            "netlens.scope=namespace netlens.netns=7 netlens.netns.name=blue");
        Text(SubjectNaming.Otel, OfPod).ShouldBe(
            $"netlens.scope=namespace netlens.netns=8 netlens.netns.name=cni-1 {Pod}");
        Text(SubjectNaming.Otel, Stranger).ShouldBe("netlens.scope=namespace netlens.netns=9");
        Text(SubjectNaming.Otel, OnHost).ShouldBe($"netlens.scope=pod netlens.netns=1 {Pod}");
        Text(SubjectNaming.Otel, Container).ShouldBe(
            $"netlens.scope=namespace netlens.netns=8 {Pod} k8s.container.name=main container.id=abc");
        var unit = new NetNamespace(7, 2, false, 0, new("") { Unit = "a.service", PodLabels = [new("app", "x")] });
        Text(SubjectNaming.Otel, unit).ShouldBe(
            "netlens.scope=namespace netlens.netns=7 netlens.unit=a.service k8s.pod.label.app=x");
    }

    [Fact]
    public void KubeSkoop_s_names_tell_the_namespace_only_where_the_pod_does_not()
    {
        Text(LegacySubjects.KubeSkoop, null).ShouldBe("k8s_node=n1 k8s_namespace= k8s_pod=");
        Text(LegacySubjects.KubeSkoop, Named).ShouldBe("k8s_node=n1 k8s_namespace=unknow k8s_pod=unknow netns=ns7");
        Text(LegacySubjects.KubeSkoop, OfPod).ShouldBe("k8s_node=n1 k8s_namespace=shop k8s_pod=web-0");
        Text(LegacySubjects.KubeSkoop, Stranger).ShouldBe("k8s_node=n1 k8s_namespace=unknow k8s_pod=unknow netns=ns9");
        Text(LegacySubjects.KubeSkoop, Container).ShouldBe(
            "k8s_node=n1 k8s_namespace=shop k8s_pod=web-0 container=main");
        var second = new NetNamespace(8, 4, false, 0, Web with { IsSecondary = true });
        Text(LegacySubjects.KubeSkoop, second).ShouldBe("k8s_node=n1 k8s_namespace=shop k8s_pod=web-0 netns=ns8");
    }

    [Fact]
    public void ACK_Net_Exporter_s_names_always_tell_the_namespace()
    {
        Text(LegacySubjects.Inspector, null).ShouldBe("node=n1 namespace= pod= netns=");
        Text(LegacySubjects.Inspector, OnHost).ShouldBe("node=n1 namespace=shop pod=web-0 netns=ns1");
        Text(LegacySubjects.Inspector, Container).ShouldBe(
            "node=n1 namespace=shop pod=web-0 netns=ns8 container=main");
    }

    [Fact]
    public void Under_old_names_a_UID_is_no_pod_and_a_chosen_label_keeps_its_own_name()
    {
        var guessed = new NetNamespace(8, 5, false, 0, new(null, null, null, "uid-1"));
        Text(LegacySubjects.KubeSkoop, guessed).ShouldBe("k8s_node=n1 k8s_namespace=unknow k8s_pod=unknow netns=ns8");
        Text(LegacySubjects.Inspector, guessed).ShouldBe("node=n1 namespace=unknow pod=unknow netns=ns8");
        var labelled = new NetNamespace(8, 6, false, 0, Web with { PodLabels = [new("app", "x"), new("none", "")] });
        Text(LegacySubjects.KubeSkoop, labelled).ShouldBe("k8s_node=n1 k8s_namespace=shop k8s_pod=web-0 app=x");
        Text(LegacySubjects.Inspector, labelled).ShouldBe("node=n1 namespace=shop pod=web-0 netns=ns8 app=x");
    }

    /// <summary>Panels of the node select empty names.</summary>
    [Fact]
    public void Under_old_names_only_the_node_has_empty_names()
    {
        Subject[] others =
        [
            OfPod, OnHost, Container, Named, Stranger, new NetNamespace(8, 5, false, 0, new(null, null, null, "uid-1")),
            new Subject(SubjectKind.Container, 1, 2, 0, new() { ContainerId = "abc" }) { HostNetwork = true },
        ];
        foreach (var subject in others)
        {
            Text(LegacySubjects.KubeSkoop, subject).ShouldNotContain("k8s_pod= ");
            Text(LegacySubjects.Inspector, subject).ShouldNotContain(" pod= ");
        }
        var host = new NetNamespace(1, 1, true, 0);
        Text(LegacySubjects.KubeSkoop, host).ShouldBe("k8s_node=n1 k8s_namespace= k8s_pod=");
        Text(LegacySubjects.Inspector, host).ShouldBe("node=n1 namespace= pod= netns=ns1");
    }

    [Fact]
    public void Every_key_that_leaves_is_in_the_list_once_and_in_its_order()
    {
        var all = new Subject(SubjectKind.Container, 1, 1, 0, new("a", "b", "c", "d")
        {
            ContainerId = "e", ContainerName = "f", Unit = "g", IsSecondary = true,
        });
        foreach (var naming in new[] { SubjectNaming.Otel, LegacySubjects.KubeSkoop, LegacySubjects.Inspector })
        {
            var tags = new List<Tag>();
            naming.Add(tags, SubjectFacts.Of(all, "n1"));
            tags.Select(t => t.Key).ShouldBe(naming.Keys.Select(k => k.Key));
            naming.Keys.Select(k => k.Key).ShouldBeUnique();
        }
    }

    [Fact]
    public void A_subject_is_called_what_is_known_of_it()
    {
        Named.ToString().ShouldBe("blue (7)");
        OfPod.ToString().ShouldBe("shop/web-0 (8)");
        OnHost.ToString().ShouldBe("shop/web-0 (host network)");
        Stranger.ToString().ShouldBe("netns 9");
    }
}
