using System.Diagnostics;
using System.Text.Json;
using Collector.Tests.Support;
using Google.Protobuf;
using Pods.Tests.Cri;

namespace Pods.Tests.Lab;

/// <summary>What a test says about a pod that it wants.</summary>
internal sealed record PodSpec
{
    public string Uid { get; init; } = Guid.NewGuid().ToString();

    public uint Attempt { get; init; }

    public bool HostNetwork { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Null: as a kubelet with the cgroupfs driver names it.</summary>
    public string? CgroupParent { get; init; }

    public int Containers { get; init; } = 1;

    public string Image { get; init; } = "localhost/busybox:1";

    /// <summary>What each container runs.</summary>
    public IReadOnlyList<string> Command { get; init; } = ["/bin/sleep", "1000000"];

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<Mount> Mounts { get; init; } = [];

    /// <summary>Bytes; 0 for no limit.</summary>
    public long MemoryLimit { get; init; }

    /// <summary>Null for what a container gets that asks for nothing.</summary>
    public SecuritySpec? Security { get; init; }
}

/// <summary>What the security contexts of a pod and of its container say.</summary>
internal sealed record SecuritySpec
{
    public bool HostPid { get; init; }

    public long User { get; init; }

    public IReadOnlyList<long> Groups { get; init; } = [];

    public IReadOnlyList<string> Add { get; init; } = [];

    public IReadOnlyList<string> Drop { get; init; } = [];

    public bool ReadOnlyRoot { get; init; }

    public bool NoNewPrivileges { get; init; }

    /// <summary>The runtime's default profile; none where false.</summary>
    public bool Seccomp { get; init; }
}

/// <summary>Plays the kubelet towards a node's runtime.</summary>
internal sealed class Kubelet : IDisposable
{
    private const int StopSeconds = 0;

    // procMount: Default (k8s.io/kubernetes pkg/securitycontext).
    private static readonly string[] Masked =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] ReadOnly =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    private readonly ContainerNode _node;
    private readonly GrpcClient _runtime;

    public Kubelet(ContainerNode node)
    {
        _node = node;
        _runtime = new GrpcClient(node.Socket);
    }

    public string Version => _runtime.Call<VersionResponse>("Version", new VersionRequest()).RuntimeVersion;

    /// <summary>False while the runtime is still starting.</summary>
    public bool IsServed
    {
        get
        {
            try
            {
                return Sandboxes() is not null;
            }
            catch (GrpcException e) when (e.Message.Contains("not initialized", StringComparison.Ordinal))
            {
                return false;
            }
        }
    }

    /// <summary>Every sandbox that the runtime has a record of.</summary>
    public IReadOnlyList<PodSandbox> Sandboxes() =>
        _runtime.Call<ListPodSandboxResponse>("ListPodSandbox", new ListPodSandboxRequest()).Items;

    /// <summary>Starts a pod: its sandbox, then its containers.</summary>
    public Pod Run(string ns, string name, PodSpec? spec = null)
    {
        spec ??= new PodSpec();
        var config = ConfigOf(ns, name, spec);
        var id = _runtime.Call<RunPodSandboxResponse>(
            "RunPodSandbox", new RunPodSandboxRequest { Config = config }).PodSandboxId;
        var returned = Stopwatch.GetTimestamp();
        var numbers = Enumerable.Range(0, spec.Containers);
        var containers = numbers.Select(n => StartContainer(id, config, spec, n)).ToArray();
        return Describe(id, config, containers, returned);
    }

    /// <summary>Many pods, several at a time as a kubelet starts them.</summary>
    public IReadOnlyList<Pod> RunMany(int count, string ns, Func<int, string> name, PodSpec? spec = null)
    {
        var pods = new Pod[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            pods[i] = Run(ns, name(i), (spec ?? new PodSpec()) with { Uid = Guid.NewGuid().ToString() }));
        return pods;
    }

    /// <summary>What the kubelet does when the sandbox died: another of the same pod, counted.</summary>
    public Pod NextAttempt(Pod pod, PodSpec? spec = null) => Run(
        pod.Namespace, pod.Name, (spec ?? new PodSpec()) with { Uid = pod.Uid, Attempt = pod.Attempt + 1 });

    public void Stop(Pod pod)
    {
        pod.End();
        _runtime.Call<StopPodSandboxResponse>(
            "StopPodSandbox", new StopPodSandboxRequest { PodSandboxId = pod.Sandbox });
    }

    /// <summary>Stops and removes.</summary>
    public void Remove(Pod pod)
    {
        Stop(pod);
        _runtime.Call<RemovePodSandboxResponse>(
            "RemovePodSandbox", new RemovePodSandboxRequest { PodSandboxId = pod.Sandbox });
    }

    public void RemoveMany(IEnumerable<Pod> pods) =>
        Parallel.ForEach(pods, new ParallelOptions { MaxDegreeOfParallelism = 8 }, Remove);

    /// <summary>Ends one container of a pod; the pod goes on.</summary>
    public void RemoveContainer(string id)
    {
        _runtime.Call<StopContainerResponse>(
            "StopContainer", new StopContainerRequest { ContainerId = id, Timeout = StopSeconds });
        _runtime.Call<RemoveContainerResponse>("RemoveContainer", new RemoveContainerRequest { ContainerId = id });
    }

    /// <summary>The sandbox's process dies, as by a crash: nobody tells the runtime to stop the pod.</summary>
    public void KillPause(Pod pod)
    {
        pod.End();
        _node.Run("kill", "-KILL", pod.Pid.ToString());
        Wait.Until(() => Status(pod.Sandbox).Status.State == PodSandboxState.SandboxNotready, "the sandbox not ready");
    }

    public PodSandboxStatusResponse Status(string sandbox) => _runtime.Call<PodSandboxStatusResponse>(
        "PodSandboxStatus", new PodSandboxStatusRequest { PodSandboxId = sandbox, Verbose = true });

    /// <summary>Runs a program in a pod's first container.</summary>
    public string Exec(Pod pod, params string[] command)
    {
        var answer = _runtime.Call<ExecSyncResponse>("ExecSync", new ExecSyncRequest
        {
            ContainerId = pod.Containers[0].Id, Cmd = { command }, Timeout = 60,
        });
        return answer.ExitCode == 0
            ? answer.Stdout.ToStringUtf8()
            : throw new InvalidOperationException(
                $"{string.Join(' ', command)}: exit {answer.ExitCode}: {answer.Stderr.ToStringUtf8()}");
    }

    /// <summary>True once a container's process has ended.</summary>
    public bool HasEnded(Container container)
    {
        var status = _runtime.Call<ContainerStatusResponse>(
            "ContainerStatus", new ContainerStatusRequest { ContainerId = container.Id }).Status;
        return status.State == ContainerState.ContainerExited;
    }

    /// <summary>What the first container of a pod wrote to its standard output.</summary>
    public string OutputOf(Pod pod)
    {
        // "2026-11-21T20:47:32.1Z stdout F text"; P instead of F: the line goes on.
        var lines = File.ReadLines(Path.Combine(_node.Folder, "logs", LogOf(pod.Uid, "c0")))
            .Select(line => line.Split(' ', 4)).Where(words => words[1] == "stdout");
        return string.Concat(lines.Select(words => words[2] == "F" ? words[3] + '\n' : words[3]));
    }

    public void Dispose() => _runtime.Dispose();

    private static string LogOf(string uid, string container) => $"{uid}-{container}.log";

    // The labels and the cgroup are those that a kubelet gives.
    private PodSandboxConfig ConfigOf(string ns, string name, PodSpec spec)
    {
        var modes = new NamespaceOption
        {
            Network = spec.HostNetwork ? NamespaceMode.Node : NamespaceMode.Pod,
            Ipc = spec.HostNetwork ? NamespaceMode.Node : NamespaceMode.Pod,
            Pid = spec.Security?.HostPid == true ? NamespaceMode.Node : NamespaceMode.Container,
        };
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Namespace = ns, Uid = spec.Uid, Attempt = spec.Attempt },
            Hostname = spec.HostNetwork ? "" : name,
            LogDirectory = Path.Combine(_node.Folder, "logs"),
            Labels =
            {
                ["io.kubernetes.pod.name"] = name,
                ["io.kubernetes.pod.namespace"] = ns,
                ["io.kubernetes.pod.uid"] = spec.Uid,
            },
            Annotations = { ["kubernetes.io/config.source"] = "api" },
            Linux = new LinuxPodSandboxConfig
            {
                CgroupParent = spec.CgroupParent ?? $"/kubepods/besteffort/pod{spec.Uid}",
                SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = modes },
            },
        };
        config.Labels.Add(spec.Labels.ToDictionary());
        return config;
    }

    private Container StartContainer(string sandbox, PodSandboxConfig config, PodSpec spec, int number)
    {
        var name = $"c{number}";
        var container = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name, Attempt = spec.Attempt },
            Image = new ImageSpec { Image = spec.Image },
            Command = { spec.Command },
            Envs = { spec.Environment.Select(v => new KeyValue { Key = v.Key, Value = v.Value }) },
            Mounts = { spec.Mounts },
            LogPath = LogOf(config.Metadata.Uid, name),
            Labels = { ["io.kubernetes.container.name"] = name },
            Linux = new LinuxContainerConfig
            {
                Resources = new LinuxContainerResources { MemoryLimitInBytes = spec.MemoryLimit },
                SecurityContext = SecurityOf(spec.Security, config.Linux.SecurityContext.NamespaceOptions),
            },
        };
        container.Labels.Add(config.Labels);
        var id = _runtime.Call<CreateContainerResponse>("CreateContainer", new CreateContainerRequest
        {
            PodSandboxId = sandbox, Config = container, SandboxConfig = config,
        }).ContainerId;
        _runtime.Call<StartContainerResponse>("StartContainer", new StartContainerRequest { ContainerId = id });
        var status = _runtime.Call<ContainerStatusResponse>(
            "ContainerStatus", new ContainerStatusRequest { ContainerId = id, Verbose = true });
        using var info = JsonDocument.Parse(status.Info["info"]);
        return new Container(id, info.RootElement.GetProperty("pid").GetInt32());
    }

    // As a kubelet translates it: a container that is not privileged gets the default masks of /proc and /sys.
    private static LinuxContainerSecurityContext SecurityOf(SecuritySpec? spec, NamespaceOption modes)
    {
        if (spec is null)
            return new LinuxContainerSecurityContext { NamespaceOptions = modes };
        return new LinuxContainerSecurityContext
        {
            NamespaceOptions = modes,
            Capabilities = new Capability { AddCapabilities = { spec.Add }, DropCapabilities = { spec.Drop } },
            RunAsUser = new Int64Value { Value = spec.User },
            RunAsGroup = new Int64Value { Value = spec.User },
            SupplementalGroups = { spec.Groups },
            ReadonlyRootfs = spec.ReadOnlyRoot,
            NoNewPrivs = spec.NoNewPrivileges,
            MaskedPaths = { Masked },
            ReadonlyPaths = { ReadOnly },
            Seccomp = new SecurityProfile
            {
                ProfileType = spec.Seccomp
                    ? SecurityProfile.Types.ProfileType.RuntimeDefault
                    : SecurityProfile.Types.ProfileType.Unconfined,
            },
        };
    }

    private Pod Describe(
        string id, PodSandboxConfig config, IReadOnlyList<Container> containers, long returned)
    {
        var answer = Status(id);
        using var info = JsonDocument.Parse(answer.Info["info"]);
        var network = answer.Status.Network;
        var pid = info.RootElement.GetProperty("pid").GetInt32();
        var ips = network.Ip.Length == 0 ? [] : network.AdditionalIps.Select(a => a.Ip).Prepend(network.Ip);
        return new Pod(_node)
        {
            Namespace = config.Metadata.Namespace,
            Name = config.Metadata.Name,
            Uid = config.Metadata.Uid,
            Attempt = config.Metadata.Attempt,
            Sandbox = id,
            Pid = pid,
            Netns = _node.NetnsOf(pid),
            Ips = [.. ips],
            Containers = containers,
            HostNetwork = answer.Status.Linux.Namespaces.Options.Network == NamespaceMode.Node,
            Returned = returned,
        };
    }
}
