namespace Collector.Linux.Kernel.ProcFs;

/// <summary>
/// The Kubernetes pod and the container in a cgroup path, whichever runtime made it: cgroupfs
/// (<c>/kubepods/burstable/podUID/ID</c>) or systemd
/// (<c>kubepods-burstable-podU_I_D.slice/cri-containerd-ID.scope</c>), cgroup v1 or v2, also below a wrapper such as
/// KinD's <c>/docker/ID/kubelet.slice/</c>.
/// </summary>
/// <remarks>
/// The outermost pod counts: what a pod's own container runtime starts (a cluster inside a pod) is part of that pod.
/// The container is the outermost one inside the pod; without a pod, the outermost of all.
/// </remarks>
internal readonly ref struct CgroupPath
{
    private CgroupPath(ReadOnlySpan<byte> podUid, ReadOnlySpan<byte> containerId)
    {
        PodUid = podUid;
        ContainerId = containerId;
    }

    /// <summary>Bytes as in the path, where systemd's have _ for -; empty when there is none.</summary>
    public ReadOnlySpan<byte> PodUid { get; }

    /// <summary>64 hexadecimal digits, or the name of an LXC container; empty when there is none.</summary>
    public ReadOnlySpan<byte> ContainerId { get; }

    /// <summary>The pod's UID as the API server writes it, null when there is none.</summary>
    public string? PodUidText
    {
        get
        {
            if (PodUid.IsEmpty)
                return null;
            Span<byte> text = stackalloc byte[PodUid.Length];
            PodUid.Replace(text, (byte)'_', (byte)'-');
            return NamePool.Of(text);
        }
    }

    /// <summary>As text, null when there is none.</summary>
    public string? ContainerIdText => ContainerId.IsEmpty ? null : NamePool.Of(ContainerId);

    /// <summary>True when the pod is the one of this UID, written either way.</summary>
    public bool IsPod(ReadOnlySpan<byte> uid)
    {
        if (uid.Length != PodUid.Length)
            return false;
        for (var i = 0; i < uid.Length; i++)
        {
            if (uid[i] != PodUid[i] && (uid[i] != (byte)'-' || PodUid[i] != (byte)'_'))
                return false;
        }
        return true;
    }

    /// <summary>
    /// From the whole of /proc/PID/cgroup, lines of <c>hierarchy:controllers:path</c>: the first line that has a pod,
    /// else the first that has a container (in a hybrid layout only some hierarchies have the runtime's path).
    /// </summary>
    public static CgroupPath ParseFile(ReadOnlySpan<byte> text)
    {
        var best = default(CgroupPath);
        var lines = new Kernel.ProcFs.LineReader(text);
        while (lines.TryNext(out var line))
        {
            line = line[(line.IndexOf((byte)':') + 1)..];
            var parsed = Parse(line[(line.IndexOf((byte)':') + 1)..]);
            if (!parsed.PodUid.IsEmpty)
                return parsed;
            if (best.ContainerId.IsEmpty)
                best = parsed;
        }
        return best;
    }

    /// <summary>
    /// The innermost systemd service in the whole of /proc/PID/cgroup, null where systemd put the process in none.
    /// </summary>
    public static string? UnitOf(ReadOnlySpan<byte> text)
    {
        var lines = new Kernel.ProcFs.LineReader(text);
        while (lines.TryNext(out var line))
        {
            // systemd's own hierarchy of version 1, or the only one of version 2.
            var isSystemd = line.IndexOf(":name=systemd:"u8) >= 0 || line.StartsWith("0::"u8);
            var path = line[(line.LastIndexOf((byte)':') + 1)..];
            while (isSystemd && !path.IsEmpty)
            {
                var part = path[(path.LastIndexOf((byte)'/') + 1)..];
                if (part.EndsWith(".service"u8))
                    return NamePool.Of(part);
                path = path[..Math.Max(0, path.Length - part.Length - 1)];
            }
        }
        return null;
    }

    /// <summary>From one path.</summary>
    public static CgroupPath Parse(ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> pod = default, container = default, parent = default;
        while (!path.IsEmpty)
        {
            // containerd told to use systemd's notation while it manages cgroups itself: SLICE:cri-containerd:ID
            var end = path.IndexOfAny((byte)'/', (byte)':');
            var part = end < 0 ? path : path[..end];
            path = end < 0 ? default : path[(end + 1)..];
            if (part.IsEmpty)
                continue;
            if (pod.IsEmpty && PodOf(part) is { IsEmpty: false } uid)
            {
                pod = uid;
                container = default;
            }
            else if (container.IsEmpty)
            {
                container = ContainerOf(part, parent);
            }
            parent = part;
        }
        return new CgroupPath(pod, container);
    }

    private static ReadOnlySpan<byte> PodOf(ReadOnlySpan<byte> part)
    {
        if (part.EndsWith(".slice"u8))
        {
            part = part[..^6];
            var at = part.LastIndexOf("-pod"u8);
            if (at < 0 || part[..at].IndexOf("kubepods"u8) < 0)
                return default;
            part = part[(at + 1)..];
        }
        return part.StartsWith("pod"u8) && IsUid(part[3..]) ? part[3..] : default;
    }

    // A UUID, or for static pods the 32 digits of a hash (kubernetes.io/config.hash).
    private static bool IsUid(ReadOnlySpan<byte> text)
    {
        if (text.Length == 32)
            return IsHex(text);
        if (text.Length != 36)
            return false;
        for (var i = 0; i < text.Length; i++)
        {
            var ok = i is 8 or 13 or 18 or 23 ? text[i] is (byte)'-' or (byte)'_' : char.IsAsciiHexDigit((char)text[i]);
            if (!ok)
                return false;
        }
        return true;
    }

    private static ReadOnlySpan<byte> ContainerOf(ReadOnlySpan<byte> part, ReadOnlySpan<byte> parent)
    {
        if (part.StartsWith("lxc.payload."u8))
            return part["lxc.payload."u8.Length..];
        if (parent.SequenceEqual("lxc"u8))
            return part;
        if (part.EndsWith(".scope"u8))
            part = part[..^6];
        // The monitor beside the container (CRI-O, Podman) is not in it.
        if (part.IndexOf("conmon-"u8) >= 0)
            return default;
        part = part[(part.LastIndexOf((byte)'-') + 1)..];
        return part.Length == 64 && IsHex(part) ? part : default;
    }

    private static bool IsHex(ReadOnlySpan<byte> text)
    {
        foreach (var b in text)
        {
            if (!char.IsAsciiHexDigit((char)b))
                return false;
        }
        return true;
    }
}
