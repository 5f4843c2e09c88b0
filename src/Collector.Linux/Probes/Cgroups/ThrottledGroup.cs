using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>One row: a pod with all of its cgroups, or one container where figures are told by container.</summary>
internal sealed class ThrottledGroup(NamespaceHandle home, Subject subject, Row row)
{
    /// <summary>Where its processes are.</summary>
    public NamespaceHandle Home { get; } = home;

    public Subject Subject { get; } = subject;

    public Row Row { get; } = row;

    /// <summary>Id of the container; null for a pod.</summary>
    public string? Container { get; init; }

    /// <summary>Of the pod.</summary>
    public required string Uid { get; init; }

    /// <summary>Cgroups that count for it.</summary>
    public int Cgroups { get; set; }

    /// <summary>Its own cgroup, which has the pressure of all; null until it was met.</summary>
    public PodCgroupNode? Top { get; set; }

    /// <summary>Ever counted, also by cgroups that are gone.</summary>
    public CpuBandwidth Sum;

    /// <summary>The same as of the collection before.</summary>
    public CpuBandwidth Before;

    /// <summary>True once there was a quota: without one, nothing is told.</summary>
    public bool HadQuota { get; set; }

    /// <summary>Of its own cgroup, in millionths of a processor; 0: none.</summary>
    public long OwnLimit { get; set; }

    /// <summary>Of the cgroups below, summed.</summary>
    public long Limits { get; set; }

    /// <summary>The quota that is the narrowest: its own, else those of its containers together.</summary>
    public long Limit => OwnLimit > 0 ? OwnLimit : Limits > 0 ? Limits : Metric.Absent;

    /// <summary>True while it is throttled above the threshold, which was told.</summary>
    public bool Told { get; set; }

    /// <summary>Puts away what the collection before saw.</summary>
    public void Begin()
    {
        Before = Sum;
        OwnLimit = 0;
        Limits = 0;
    }
}

/// <summary>A cgroup that counts for a group.</summary>
internal sealed class ThrottledMember(ThrottledGroup group)
{
    public ThrottledGroup Group { get; } = group;

    /// <summary>As it was read last.</summary>
    public CpuBandwidth Last;

    /// <summary>True once it was read: what it had counted before is history, and no reason for an event.</summary>
    public bool IsKnown { get; set; }

    /// <summary>What it counted before is in the row that it was part of until now.</summary>
    public bool CountsFromNow { get; init; }
}
