using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Collector.ScaleRun;

/// <summary>The made-up node: our own network namespace, with an eth0 of its own and a bridge.</summary>
internal static class Node
{
    /// <summary>Where the pods' namespaces are mounted.</summary>
    public const string Mounts = "/run/netns";

    /// <summary>The other end of eth0 stays here too, so that the node has no namespace besides the pods'.</summary>
    public static void Prepare()
    {
        // Ours alone: the mount namespace is, too.
        Directory.CreateDirectory(Mounts);
        Tool.Run("mount", "", "-t", "tmpfs", "pods", Mounts);
        // Of itself a bridge has its lowest port's address: each new pod would move the node, and the others not find it.
        Tool.Run("ip", """
            link set lo up
            link add eth0 type veth peer name uplink0
            addr add 192.0.2.2/24 dev eth0
            link set eth0 up
            link set uplink0 up
            link add br0 address 0a:58:0a:64:00:01 type bridge
            addr add 10.100.0.1/16 dev br0
            link set br0 up

            """, "-batch", "-");
    }
}

/// <summary>
/// Pods with a veth each to the node's bridge, and a mount each, as container runtimes make. Gone when disposed.
/// </summary>
internal sealed class Pods : IDisposable
{
    private readonly Process _process;
    private readonly int _count;

    /// <param name="program">Compiled from pods.c.</param>
    /// <param name="count">How many.</param>
    /// <param name="connections">Of all together.</param>
    /// <param name="period">Milliseconds in which each sends and receives; 0: they are idle.</param>
    /// <exception cref="IOException">They could not be made.</exception>
    public Pods(string program, int count, int connections, int period = 0)
    {
        _count = count;
        var start = new ProcessStartInfo(program, [Text(count), Text(connections), Text(period)])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        _process = Process.Start(start) ?? throw new IOException($"{program} does not start");
        var links = new StringBuilder();
        foreach (var (index, pid) in ReadPods(count))
        {
            links.Append(CultureInfo.InvariantCulture, $"link add veth{index} type veth peer name eth0 netns {pid}\n");
            links.Append(CultureInfo.InvariantCulture, $"link set veth{index} master br0 up\n");
            links.Append(CultureInfo.InvariantCulture, $"netns attach pod{index} {pid}\n");
        }
        Tool.Run("ip", links.ToString(), "-batch", "-");
        Expect("ready");
    }

    private List<(int Index, int Pid)> ReadPods(int count)
    {
        var pods = new List<(int, int)>();
        for (var i = 0; i < count; i++)
        {
            var words = (_process.StandardOutput.ReadLine() ?? throw Ended()).Split(' ');
            pods.Add(
                (int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture)));
        }
        Expect("made");
        return pods;
    }

    private void Expect(string word)
    {
        if (_process.StandardOutput.ReadLine() != word)
            throw Ended();
    }

    private static IOException Ended() => new("the pods ended early, see above");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Takes the links away, then ends the pods: with its last process a namespace goes at the kernel's leisure, which
    /// is seconds on a busy machine, and until then its link's other end would be in the way of the next run's.
    /// </summary>
    public void Dispose()
    {
        var links = string.Concat(Enumerable.Range(0, _count)
            .Select(i => $"link del veth{Text(i)}\nnetns del pod{Text(i)}\n"));
        Tool.Run("ip", links, "-batch", "-");
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
