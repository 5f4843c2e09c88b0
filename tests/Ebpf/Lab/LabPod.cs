using System.Diagnostics;
using Collector.Tests.Support;

namespace Ebpf.Tests.Lab;

/// <summary>
/// The cgroups of a pod with one container, as a kubelet makes them, in the hierarchy of a controller and in that of
/// version 2; removed at the end with what runs in them.
/// </summary>
internal sealed class LabPod : IDisposable
{
    private const string Mount = "/sys/fs/cgroup";
    private readonly List<string> _folders = [];
    private readonly List<Process> _processes = [];
    private readonly string _top = $"kubepods-netlens-{Guid.NewGuid():N}";

    /// <param name="version1">Name of the controller in version 1.</param>
    /// <param name="version2">And in version 2.</param>
    public LabPod(string version1, string version2)
    {
        IsVersion2 = !Directory.Exists($"{Mount}/{version1}");
        Container = IsVersion2 ? Make(Mount, version2) : Make($"{Mount}/{version1}", null);
        var unified = IsVersion2 ? Mount : $"{Mount}/unified";
        Unified = IsVersion2 ? Container : Directory.Exists(unified) ? Make(unified, null) : null;
    }

    public string Uid { get; } = Guid.NewGuid().ToString();

    public bool IsVersion2 { get; }

    /// <summary>The container's cgroup.</summary>
    public string Container { get; }

    /// <summary>The pod's own.</summary>
    public string Pod => Path.GetDirectoryName(Container)!;

    /// <summary>The container's in the hierarchy of version 2; null where there is none.</summary>
    public string? Unified { get; }

    private string Make(string root, string? controller)
    {
        string[] path = [_top, $"pod{Uid}", new string('a', 64)];
        var folder = root;
        foreach (var name in path)
        {
            if (controller is not null)
                File.WriteAllText($"{folder}/cgroup.subtree_control", $"+{controller}");
            folder = $"{folder}/{name}";
            Directory.CreateDirectory(folder);
            _folders.Add(folder);
        }
        return folder;
    }

    /// <summary>Starts a program in the container.</summary>
    public Process Start(params string[] command)
    {
        string[] folders = Unified is null ? [Container] : [Container, Unified];
        var join = string.Concat(folders.Select(f => $"echo $$ >{f}/cgroup.procs; "));
        var process = Shell.Start(["sh", "-c", $"{join}echo in; exec \"$@\"", "sh", .. command]);
        process.StandardOutput.ReadLine().ShouldBe("in");
        _processes.Add(process);
        return process;
    }

    /// <summary>Starts a program in the container and in a network namespace, which it has entered then.</summary>
    public Process StartIn(TestNetns ns, params string[] command)
    {
        var process = Start(["ip", "netns", "exec", ns.Name, .. command]);
        BpfProbeRun.Eventually(() =>
            new FileInfo($"/proc/{process.Id}/ns/net").LinkTarget.ShouldBe($"net:[{ns.Inode}]"));
        return process;
    }

    /// <summary>Runs a program in the container to its end.</summary>
    public void Run(params string[] command)
    {
        var process = Start(command);
        process.WaitForExit(TimeSpan.FromMinutes(1)).ShouldBeTrue(command[0]);
        process.ExitCode.ShouldBe(0, process.StandardError.ReadToEnd());
    }

    /// <summary>Ends what was started.</summary>
    public void Kill()
    {
        foreach (var process in _processes)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }
        _processes.Clear();
    }

    public void Dispose()
    {
        Kill();
        // A member that just ended still counts for a moment.
        foreach (var folder in _folders.AsEnumerable().Reverse())
            SpinWait.SpinUntil(() => TryRemove(folder), TimeSpan.FromSeconds(10)).ShouldBeTrue(folder);
    }

    private static bool TryRemove(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
