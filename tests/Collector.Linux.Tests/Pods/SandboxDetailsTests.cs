using Collector.Linux.Pods;
using Collector.Linux.Pods.Cri;
using Collector.Linux.Tests.Probes;
using Google.Protobuf;

namespace Collector.Linux.Tests.Pods;

/// <summary>
/// Verbose statuses as containerd 1.6, 1.7 and 2.1 sent them, cut to what is read, and shapes that none sent.
/// </summary>
public sealed class SandboxDetailsTests
{
    private static SandboxDetails Recorded(string name) => SandboxDetails.Of(
        new JsonParser(JsonParser.Settings.Default.WithIgnoreUnknownFields(true)).Parse<PodSandboxStatusResponse>(
            File.ReadAllText(Path.Combine(FileProbeRun.Fixtures, "cri", $"containerd-{name}.json"))));

    private static SandboxDetails Info(string info) => SandboxDetails.Of(
        new PodSandboxStatusResponse { Status = new PodSandboxStatus(), Info = { ["info"] = info } });

    [Theory]
    [InlineData("1.6-ready", "/run/netns/cni-", 102)]
    [InlineData("1.7-ready", "/run/netns/cni-", 102)]
    [InlineData("2.1-ready", "/run/netns/cni-", 102)]
    public void A_pod_with_its_own_network(string recorded, string path, int atLeast)
    {
        var details = Recorded(recorded);
        details.HostNetwork.ShouldBeFalse();
        details.NetnsPath.ShouldStartWith(path);
        details.Pid.ShouldBeGreaterThanOrEqualTo(atLeast / 2);
        details.Addresses.Select(a => a.ToString()).ShouldBe(["10.231.0.2"]);
        details.IsEnough.ShouldBeTrue();
    }

    [Theory]
    [InlineData("1.6-hostnetwork")]
    [InlineData("1.7-hostnetwork")]
    [InlineData("2.1-hostnetwork")]
    public void A_pod_in_the_nodes_network(string recorded)
    {
        var details = Recorded(recorded);
        details.HostNetwork.ShouldBeTrue();
        details.NetnsPath.ShouldBeEmpty();
        details.Addresses.ShouldBeEmpty();
        details.IsEnough.ShouldBeTrue();
    }

    [Fact]
    public void A_sandbox_whose_process_is_gone_keeps_its_path()
    {
        var killed = Recorded("2.1-pause-killed");
        killed.Pid.ShouldBe(0);
        killed.NetnsPath.ShouldBe("/run/netns/cni-248f0ca7-aac1-0810-1d28-ef305fe58dc6");
    }

    [Theory]
    [InlineData("")]
    [InlineData("no JSON")]
    [InlineData("[1, 2]")]
    [InlineData("{\"pid\": \"12\"}")]
    [InlineData("{\"pid\": -4}")]
    [InlineData("{\"pid\": 1e99}")]
    [InlineData("{\"runtimeSpec\": 7}")]
    [InlineData("{\"runtimeSpec\": {\"linux\": {\"namespaces\": {\"type\": \"network\"}}}}")]
    [InlineData("{\"runtimeSpec\": {\"linux\": {\"namespaces\": [3, {\"type\": 4}]}}}")]
    [InlineData("{\"runtimeSpec\": {\"linux\": {\"namespaces\": [{\"type\": \"network\", \"path\": 5}]}}}")]
    [InlineData("{\"runtimeSpec\": {\"linux\": {\"namespaces\": [{\"type\": \"network\", \"path\": \"relative\"}]}}}")]
    public void What_makes_no_sense_tells_nothing(string info)
    {
        var details = Info(info);
        details.ShouldBe(details with { NetnsPath = "", Pid = 0, HostNetwork = false });
        details.IsEnough.ShouldBeFalse();
    }

    [Fact]
    public void An_empty_answer_tells_nothing()
    {
        SandboxDetails.Of(new PodSandboxStatusResponse()).IsEnough.ShouldBeFalse();
        SandboxDetails.PidOf(new ContainerStatusResponse()).ShouldBe(0);
        SandboxDetails.PidOf(new ContainerStatusResponse { Info = { ["info"] = "{\"pid\": 7}" } }).ShouldBe(7);
    }

    [Fact]
    public void All_addresses_are_taken_and_what_is_none_is_left_out()
    {
        var response = new PodSandboxStatusResponse
        {
            Status = new PodSandboxStatus
            {
                Network = new PodSandboxNetworkStatus
                {
                    Ip = "::ffff:192.0.2.7",
                    AdditionalIps = { new PodIP { Ip = "2001:db8::7" }, new PodIP { Ip = "soon" }, new PodIP() },
                },
            },
        };
        SandboxDetails.Of(response).Addresses.Select(a => a.ToString()).ShouldBe(["192.0.2.7", "2001:db8::7"]);
    }
}
