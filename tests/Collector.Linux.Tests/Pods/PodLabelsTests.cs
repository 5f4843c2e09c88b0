using Collector.Linux.Pods;
using Collector.Linux.Pods.Cri;
using Google.Protobuf;

namespace Collector.Linux.Tests.Pods;

public sealed class PodLabelsTests
{
    private readonly List<string> _rejected = [];

    private PodLabels Labels(params string[] wanted) => new(wanted, _rejected.Add);

    private static PodSandbox Sandbox(string ns, string name, params (string Key, string Value)[] labels)
    {
        var sandbox = new PodSandbox
        {
            Id = Bytes("a"),
            Metadata = new PodSandboxMetadata { Namespace = Bytes(ns), Name = Bytes(name), Uid = Bytes("1bcd7e96") },
        };
        foreach (var (key, value) in labels)
            sandbox.Labels.Add(new Label { Key = Bytes(key), Value = Bytes(value) });
        return sandbox;
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    [Fact]
    public void A_text_that_is_not_UTF8_costs_nobody_his_name()
    {
        var strange = Sandbox("shop", "web-0", ("app", "?"));
        strange.Metadata.Name = strange.Labels[0].Value = ByteString.CopyFrom(0xFF, (byte)'x');
        var list = new ListPodSandboxResponse { Items = { strange, Sandbox("shop", "good") } };
        list = ListPodSandboxResponse.Parser.ParseFrom(list.ToByteArray());
        var names = list.Items.Select(s => Labels("app").NamesOf(s)!).ToArray();
        names.Select(n => n.PodName).ShouldBe(["_x", "good"]);
        names[0].PodLabels.ShouldBe([new("app", "_x")]);
    }

    [Fact]
    public void Of_two_labels_of_one_key_the_last_counts() => Labels("app")
        .NamesOf(Sandbox("shop", "web-0", ("app", "a"), ("app", "b")))!.PodLabels.ShouldBe([new("app", "b")]);

    [Fact]
    public void Names_and_the_labels_that_are_asked_for()
    {
        var identity = Labels("app", "app.kubernetes.io/name", "none").NamesOf(Sandbox(
            "shop", "web-0", ("app", "web"), ("app.kubernetes.io/name", "Web_1.0"), ("other", "x")))!;
        identity.PodNamespace.ShouldBe("shop");
        identity.PodName.ShouldBe("web-0");
        identity.PodUid.ShouldBe("1bcd7e96");
        identity.PodLabels.ShouldBe([new("app", "web"), new("app.kubernetes.io/name", "Web_1.0")]);
        _rejected.ShouldBeEmpty();
    }

    [Fact]
    public void A_sandbox_without_a_name_is_refused()
    {
        Labels().NamesOf(new PodSandbox { Id = Bytes("a") }).ShouldBeNull();
        Labels().NamesOf(Sandbox("", "web-0")).ShouldBeNull();
        Labels().NamesOf(Sandbox("shop", "")).ShouldBeNull();
        _rejected.ShouldBe(["no_metadata", "no_metadata", "no_metadata"]);
    }

    [Fact]
    public void Absurd_values_are_cut_and_cleaned_and_counted()
    {
        var identity = Labels("app").NamesOf(Sandbox(
            "shop\n", new string('n', 70_000), ("app", "a\nb\"\ufffd" + new string('x', 65_536))))!;
        identity.PodNamespace.ShouldBe("shop_");
        identity.PodName.ShouldBe(new string('n', 253));
        identity.PodLabels.Single().Value.ShouldBe("a_b__" + new string('x', 58));
        _rejected.ShouldBe(["name", "name", "label"]);
    }

    [Fact]
    public void A_label_cannot_have_more_values_than_a_backend_bears()
    {
        var labels = Labels("app");
        for (var i = 0; i < PodLabels.MostValues; i++)
            labels.NamesOf(Sandbox("shop", $"p{i}", ("app", $"v{i}")))!.PodLabels[0].Value.ShouldBe($"v{i}");
        labels.NamesOf(Sandbox("shop", "more", ("app", "more")))!.PodLabels[0].Value.ShouldBe(PodLabels.Other);
        labels.NamesOf(Sandbox("shop", "known", ("app", "v7")))!.PodLabels[0].Value.ShouldBe("v7");
        _rejected.ShouldBe(["label_values"]);
    }
}
