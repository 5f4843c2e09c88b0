using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Lab;

/// <summary>
/// The program where it may not or cannot read the kernel's own structures: what doctor and the log say of it, and
/// whether its figures are right.
/// </summary>
/// <param name="prefix">The command that starts it there.</param>
internal sealed class FallenBack(params string[] prefix)
{
    private const int Datagrams = 7;
    private const int Connections = 3;

    /// <summary>
    /// Parts of a collection that are read in the kernel where that can be done; one where its module is loaded, which
    /// another test may do.
    /// </summary>
    private static string[] Parts =>
    [
        "mib", "sockstat", "sockets", "udp_sockets", "processes",
        .. File.Exists("/proc/sys/net/netfilter/nf_conntrack_max") ? ["conntrack"] : Array.Empty<string>(),
    ];

    /// <summary>Doctor has one clear line for each part; returns what it says of probes that cannot run.</summary>
    public Dictionary<string, string> DoctorSays(string reason)
    {
        using var doctor = JsonDocument.Parse(Run("doctor", "--format", "json"));
        var parts = doctor.RootElement.GetProperty("parts").EnumerateArray().ToDictionary(
            p => p.GetProperty("part").GetString()!,
            p => (Source: p.GetProperty("source").GetString(), Reason: p.GetProperty("reason").GetString()!));
        parts.Keys.ShouldBe(Parts, ignoreOrder: true);
        parts.Values.ShouldAllBe(p => p.Source == "proc");
        foreach (var (part, said) in parts)
            ShouldBeLine(said.Reason, reason, part);
        return doctor.RootElement.GetProperty("probes").EnumerateArray()
            .Where(p => p.GetProperty("verdict").GetString() == "unavailable")
            .ToDictionary(p => p.GetProperty("probe").GetString()!, p => p.GetProperty("reason").GetString()!);
    }

    /// <summary>An agent that is told to read in the kernel warns of each part, once.</summary>
    public void LogSays(string reason)
    {
        using var agent = Start("run");
        try
        {
            var lines = new List<string>();
            while (agent.StandardError.ReadLine() is { } line && !line.Contains("first snapshot"))
                lines.Add(line);
            foreach (var part in Parts)
            {
                var said = $"part {part} of the collection is read by proc, not by kernel";
                ShouldBeLine(lines.Where(l => l.Contains(said)).ShouldHaveSingleItem(), reason, part);
            }
        }
        finally
        {
            agent.Kill();
            agent.WaitForExit();
        }
    }

    /// <summary>Counters and sockets of a namespace are those that were caused, and that other tools see.</summary>
    public void FiguresAreRight()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        using var listener = TcpLab.Listen(ns, Ends.V4);
        var server = new IPEndPoint(TcpLab.Right(Ends.V4), TcpLab.Port(listener.LocalEndPoint));
        var clients = Enumerable.Range(0, Connections).Select(_ => TcpLab.Make(pair.Left, Ends.V4)).ToList();
        clients.ForEach(c => c.Connect(server));
        DropTraffic.Datagrams(ns, "127.0.0.1", 9, Datagrams);
        BpfProbeRun.Eventually(() => TcpLab.Nstat(ns, "UdpNoPorts").ShouldBe(Datagrams));

        var page = Run("once", "--netns", ns.Name, "--probe", "udp", "tcpsummary", "--format", "prometheus");
        Value(page, "netlens_udp_no_ports_total", "network_type=\"ipv4\"").ShouldBe(Datagrams);
        Value(page, "netlens_tcp_listen_queue_usage", "").ShouldBe(Connections);
        Value(page, "system_network_connection", "=\"established\"").ShouldBe(Connections);
        clients.ForEach(c => c.Dispose());
    }

    private static void ShouldBeLine(string said, string reason, string part)
    {
        said.ShouldContain(reason, Case.Sensitive, part);
        said.ShouldNotContain("\n");
    }

    private static long Value(string page, string name, string label) => long.Parse(page.Split('\n')
        .Where(l => l.StartsWith(name + "{", StringComparison.Ordinal) && l.Contains(label, StringComparison.Ordinal))
        .ShouldHaveSingleItem($"{name} {label}\n{page}").Split("} ")[1].Split(' ')[0]);

    private string Run(params string[] arguments)
    {
        using var process = Start(arguments);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, error.GetAwaiter().GetResult());
        return output;
    }

    private Process Start(params string[] arguments)
    {
        string[] command = [.. prefix, TestProgram.Path, .. arguments];
        var info = new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in info.Environment.Keys
            .Where(k => k.StartsWith("NETLENS_", StringComparison.Ordinal)).ToList())
            info.Environment.Remove(name);
        info.Environment["NETLENS_HTTP_ENABLED"] = "false";
        info.Environment["NETLENS_COLLECTION_SOURCE"] = arguments[0] == "run" ? "kernel" : "auto";
        return Process.Start(info)!;
    }
}
