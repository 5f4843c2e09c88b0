using System.Text;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Processes;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Processes;

public class CgroupPathTests
{
    private const string Uid = "2c48913c-b29f-11e7-9350-020968147796";
    private const string Uid_ = "2c48913c_b29f_11e7_9350_020968147796";
    private const string Static = "4c3c2f9e0b8f4f5da8ab5f8a0a2d3b1c";
    private const string Id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Id2 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    [Theory]
    // cgroupfs driver
    [InlineData($"/kubepods/burstable/pod{Uid}/{Id}", Uid, Id)]
    [InlineData($"/kubepods/besteffort/pod{Uid}/{Id}", Uid, Id)]
    [InlineData($"/kubepods/pod{Uid}/{Id}", Uid, Id)]
    [InlineData($"/kubepods/pod{Static}/{Id}", Static, Id)]
    [InlineData($"/kubepods/burstable/pod{Uid}", Uid, "")]
    [InlineData($"/kubepods/burstable/pod{Uid}/{Id}/init.scope", Uid, Id)]
    // systemd driver
    [InlineData(
        $"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{Uid_}.slice/cri-containerd-{Id}.scope",
        Uid, Id)]
    [InlineData($"/kubepods.slice/kubepods-pod{Uid_}.slice/crio-{Id}.scope", Uid, Id)]
    [InlineData($"/kubepods.slice/kubepods-pod{Uid_}.slice/crio-{Id}.scope/container", Uid, Id)]
    [InlineData(
        $"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{Uid_}.slice/docker-{Id}.scope", Uid, Id)]
    [InlineData($"/kubepods.slice/kubepods-pod{Static}.slice/cri-containerd-{Id}.scope", Static, Id)]
    [InlineData($"/kubepods.slice/kubepods-pod{Uid_}.slice/crio-conmon-{Id}.scope", Uid, "")]
    // systemd names under the cgroupfs driver
    [InlineData($"/system.slice/containerd.service/kubepods-burstable-pod{Uid_}.slice:cri-containerd:{Id}", Uid, Id)]
    [InlineData($"/kubepods-burstable-pod{Uid_}.slice:cri-containerd:{Id}", Uid, Id)]
    // wrapped: KinD, a kubelet with its own root, an agent in a cgroup namespace, a pod's own cluster
    [InlineData($"/docker/{Id2}/kubelet/kubepods/burstable/pod{Uid}/{Id}", Uid, Id)]
    [InlineData(
        $"/system.slice/docker-{Id2}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
        + $"kubelet-kubepods-besteffort-pod{Uid_}.slice/cri-containerd-{Id}.scope",
        Uid, Id)]
    [InlineData($"/../../kubepods-pod{Uid_}.slice/cri-containerd-{Id}.scope", Uid, Id)]
    [InlineData($"/kubepods/pod{Uid}/{Id}/kubepods/pod{Static}/{Id2}", Uid, Id)]
    [InlineData($"/kubepods/burstable/pod{Uid}/{Id} (deleted)", Uid, "")]
    // no pod
    [InlineData($"/docker/{Id}", "", Id)]
    [InlineData($"/system.slice/docker-{Id}.scope", "", Id)]
    [InlineData($"/machine.slice/libpod-{Id}.scope/container", "", Id)]
    [InlineData($"/machine.slice/machine-libpod_pod_{Id2}.slice/libpod-{Id}.scope", "", Id)]
    [InlineData($"/machine.slice/libpod-conmon-{Id}.scope", "", "")]
    [InlineData($"/libpod_parent/libpod-{Id}", "", Id)]
    [InlineData($"/libpod_parent/conmon/libpod-conmon-{Id}", "", "")]
    [InlineData("/lxc/web1/system.slice/nginx.service", "", "web1")]
    [InlineData("/lxc.payload.web1/init.scope", "", "web1")]
    [InlineData("/user.slice/user-0.slice/session-3.scope", "", "")]
    [InlineData("/system.slice/podman.service", "", "")]
    [InlineData("/kubepods/burstable/podcast", "", "")]
    [InlineData($"/home-pod{Uid_}.slice", "", "")]
    [InlineData("/process_api/2ec9e91b3e9f7168aa4a20cae11a320f", "", "")]
    [InlineData("/", "", "")]
    [InlineData("", "", "")]
    public void Path(string path, string pod, string container)
    {
        var parsed = CgroupPath.Parse(Encoding.ASCII.GetBytes(path));
        (parsed.PodUidText ?? "").ShouldBe(pod);
        Encoding.ASCII.GetString(parsed.ContainerId).ShouldBe(container);
        parsed.IsPod(Encoding.ASCII.GetBytes(pod)).ShouldBeTrue();
        parsed.IsPod("2c48913c-b29f-11e7-9350-020968147797"u8).ShouldBeFalse();
    }

    [Fact]
    public void Of_a_hybrid_file_the_line_with_the_pod_counts()
    {
        // cgroup v1 with a v2 tree beside it: only some hierarchies have the runtime's path (cgroups(7)).
        var file = $"""
            12:pids:/system.slice/containerd.service
            11:devices:/docker/{Id2}
            10:cpu,cpuacct:/kubepods/burstable/pod{Uid}/{Id}
            1:name=systemd:/kubepods/burstable/pod{Uid}/{Id}
            0::/system.slice/containerd.service

            """;
        var parsed = CgroupPath.ParseFile(Encoding.ASCII.GetBytes(file));
        parsed.PodUidText.ShouldBe(Uid);
        Encoding.ASCII.GetString(parsed.ContainerId).ShouldBe(Id);
    }

    [Theory]
    [InlineData($"0::/kubepods.slice/kubepods-pod{Uid_}.slice/cri-containerd-{Id}.scope\n", Uid)]
    [InlineData("0::/init.scope\n", null)]
    [InlineData("0::/", null)]
    [InlineData("garbage", null)]
    [InlineData("", null)]
    public void Of_a_v2_file(string file, string? pod) =>
        CgroupPath.ParseFile(Encoding.ASCII.GetBytes(file)).PodUidText.ShouldBe(pod);

    [Fact]
    public void Any_bytes_are_taken_without_a_crash()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            var parsed = CgroupPath.ParseFile(bytes);
            return parsed.PodUid.Length is 0 or 32 or 36;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_pod_is_found_at_any_depth_in_both_notations()
    {
        var words = Gen.Elements("system.slice", "docker", "kubelet", "a-b.slice", "x").ListOf();
        var cases = words.SelectMany(prefix => ArbMap.Default.GeneratorFor<Guid>(), (prefix, uid) => (prefix, uid));
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var prefix = string.Concat(c.prefix.Select(p => "/" + p));
            var uid = c.uid.ToString();
            var plain = CgroupPath.Parse(Encoding.ASCII.GetBytes($"{prefix}/kubepods/pod{uid}/{Id}"));
            var slice = CgroupPath.Parse(Encoding.ASCII.GetBytes(
                $"{prefix}/kubepods-pod{uid.Replace('-', '_')}.slice/cri-containerd-{Id}.scope"));
            return plain.PodUidText == uid && slice.PodUidText == uid && slice.ContainerId.Length == 64;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("0::/system.slice/nginx.service\n", "nginx.service")]
    [InlineData("0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n", "a.service")]
    [InlineData("12:pids:/system.slice/x.service\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "nginx.service")]
    [InlineData("0::/user.slice/session-1.scope\n", null)]
    [InlineData("0::/\n", null)]
    [InlineData("", null)]
    public void The_innermost_service_is_the_unit(string file, string? unit) =>
        CgroupPath.UnitOf(Encoding.ASCII.GetBytes(file)).ShouldBe(unit);
}
