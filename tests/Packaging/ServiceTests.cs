using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>The unit under a real systemd: its user, its sandbox, its watchdog.</summary>
public sealed partial class ServiceTests
{
    [RequiresMachineFact]
    public void In_its_sandbox_every_probe_runs_as_for_root()
    {
        using var machine = new Machine();
        machine.CopyPayload();
        machine.Run("systemctl", "start", "netlens");
        machine.Show("ActiveState").ShouldBe("active");
        machine.Show("SubState").ShouldBe("running");
        var pid = machine.Show("MainPID");
        var status = machine.Run("cat", $"/proc/{pid}/status");
        Field(status, "Uid").ShouldAllBe(u => u >= 61184 && u <= 65519, "a user of DynamicUser=");
        Field(status, "Groups").ShouldContain(0);
        Field(status, "NoNewPrivs").ShouldBe([1]);
        Field(status, "Seccomp").ShouldBe([2]);
        var all = Convert.ToUInt64(CapBnd().Match(machine.Run("cat", "/proc/1/status")).Groups["set"].Value, 16);
        var bound = Convert.ToUInt64(CapBnd().Match(status).Groups["set"].Value, 16);
        ulong.PopCount(bound).ShouldBe((ulong)Unit.Capabilities.Count);
        ulong.PopCount(all).ShouldBeGreaterThan(ulong.PopCount(bound));
        machine.Try("nsenter", "-t", pid, "--mount", "touch", "/etc/x", "/usr/x", "/var/x").Code.ShouldNotBe(0);

        // Root beside it, outside of any sandbox, on another port.
        using var root = machine.Start(
            "env", "NETLENS_HTTP_LISTEN=127.0.0.1:9103", "NETLENS_COLLECTION_INTERVAL=1s", "/usr/bin/netlens", "run");
        var running = Wait.Until(() => machine.Page(9103), Probes, p => p.Count > 15);
        var page = Wait.Until(() => machine.Page(), Probes, p => p.Count > 15);
        root.Kill(entireProcessTree: true);
        page.ShouldBe(running);
        page.ShouldContain("packetloss");
        page.ShouldContain("conntrack");
        // Names of kernel functions come through process 1: the unit hides /proc/kallsyms itself.
        machine.Edit("Environment=NETLENS_EVENTS_JSON=stdout NETLENS_COLLECTION_INTERVAL=1s");
        machine.Run("systemctl", "restart", "netlens");
        Wait.Until(() => machine.Show("StatusText"), t => t, t => t.Contains("probes running"));
        Wait.Until(() =>
        {
            machine.Run("python3", "-c", "import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))");
            return machine.Journal;
        }, j => j, j => j.Contains("NO_SOCKET in __udp4_lib_rcv"));
        // Killed for being too slow, it would be a timeout.
        machine.Run("systemctl", "stop", "netlens");
        machine.Show("Result").ShouldBe("success");
    }

    [RequiresMachineFact]
    public void A_hang_is_ended_by_the_watchdog_and_a_wrong_configuration_is_tried_once()
    {
        using var machine = new Machine();
        machine.CopyPayload();
        machine.Edit("WatchdogSec=2", "RestartSec=100ms");
        machine.Run("systemctl", "start", "netlens");
        var first = machine.Show("MainPID");
        machine.Show("WatchdogUSec").ShouldBe("2s");
        machine.Run("kill", "-STOP", first);
        Wait.Until(() => machine.Show("NRestarts"), r => r, r => int.Parse(r) >= 1);
        Wait.Until(() => machine.Show("ActiveState"), s => s, s => s == "active");
        machine.Show("MainPID").ShouldNotBe(first);
        machine.Journal.ShouldContain("Watchdog timeout");
        machine.Edit();
        machine.Run("systemctl", "restart", "netlens");

        machine.Run("systemctl", "reload", "netlens");
        Wait.Until(() => machine.Journal, j => j, j => j.Contains("configuration"));
        machine.Run("sh", "-c", "echo 'collection: { interval: 15 }' >/etc/netlens/netlens.yaml");
        machine.Try("systemctl", "restart", "netlens").Code.ShouldNotBe(0);
        Wait.Until(() => machine.Show("ActiveState"), s => s, s => s == "failed");
        machine.Show("ExecMainStatus").ShouldBe("3");
        machine.Journal.ShouldContain("key 'collection.interval': '15' has no unit");
    }

    [RequiresMachineTheory]
    [InlineData(1, "ExecStart=", "ExecStart=/usr/bin/netlens list probes", "StandardOutput=file:/dev/full",
        "StandardError=journal")]
    [InlineData(2, "ExecStart=", "ExecStart=/usr/bin/netlens run --nonsense")]
    [InlineData(3, "Environment=NETLENS_HTTP_LISTEN=9102")]
    [InlineData(4, "Environment=NETLENS_HTTP_LISTEN=203.0.113.1:9102 NETLENS_HTTP_INSECURE=true")]
    public void Systemd_sees_with_which_code_it_ended(int code, params string[] lines)
    {
        using var machine = new Machine();
        machine.CopyPayload();
        machine.Edit(["Restart=no", .. lines]);
        machine.Try("systemctl", "start", "netlens").Code.ShouldNotBe(0);
        machine.Show("Result").ShouldBe("exit-code");
        machine.Show("ExecMainStatus").ShouldBe($"{code}");
    }

    [RequiresMachineFact]
    public void Where_the_socket_of_systemd_goes_away_it_goes_on_and_ends_in_good_order()
    {
        using var machine = new Machine();
        machine.CopyPayload();
        machine.Edit("Environment=NETLENS_COLLECTION_INTERVAL=1s");
        machine.Run("systemctl", "start", "netlens");
        machine.Run("rm", "/run/systemd/notify");
        Wait.Until(() => machine.Journal, j => j, j => j.Contains("The service manager could not be told a state"));
        machine.Page().ShouldContain("netlens_probe_running");
        machine.Run("systemctl", "stop", "netlens");
        machine.Show("Result").ShouldBe("success");
        machine.Show("ExecMainStatus").ShouldBe("0");
        machine.Journal.Split('\n').Count(l => l.Contains("The service manager")).ShouldBe(1);
    }

    [RequiresMachineFact]
    public void Doctor_names_what_the_running_service_lacks()
    {
        using var machine = new Machine();
        machine.CopyPayload();
        machine.Edit(
            "AmbientCapabilities=~CAP_SYSLOG CAP_NET_ADMIN", "CapabilityBoundingSet=~CAP_SYSLOG CAP_NET_ADMIN");
        machine.Run("systemctl", "start", "netlens");
        var doctor = machine.Try("netlens", "doctor");
        doctor.Code.ShouldBe(0, doctor.Error);
        doctor.Output.ShouldContain($"process {machine.Show("MainPID")}");
        doctor.Error.TrimEnd().Split('\n').ShouldBe(
        [
            // The machine has cgroups of its own.
            "netlens: flow: UDP is not counted: the root of the cgroups of version 2 is not in sight",
            "netlens: the running netlens.service lacks CAP_NET_ADMIN: needed for conntrack statistics, "
                + "and UDP of the probe flow; in the unit: AmbientCapabilities=CAP_NET_ADMIN and "
                + "CapabilityBoundingSet=CAP_NET_ADMIN",
            "netlens: the running netlens.service lacks CAP_SYSLOG: needed to name the kernel functions of drops and "
                + "stacks; in the unit: AmbientCapabilities=CAP_SYSLOG and CapabilityBoundingSet=CAP_SYSLOG",
        ]);
        Wait.Until(() => machine.Page(), p => p, p => p.Contains("netlens_probe_errors_total")).Split('\n')
            .ShouldContain(l => l.StartsWith("netlens_probe_errors_total") && l.Contains("\"conntrack\""));
    }

    /// <summary>Ids of the probes that run, as a page tells.</summary>
    private static IReadOnlyList<string> Probes(string page) =>
        [.. Running().Matches(page).Select(m => m.Groups["probe"].Value).Order(StringComparer.Ordinal)];

    private static long[] Field(string status, string name) =>
        [.. status.Split('\n').Single(l => l.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..]
            .Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];

    [GeneratedRegex(@"^CapBnd:\s*(?<set>[0-9a-f]+)", RegexOptions.Multiline, 1000)]
    private static partial Regex CapBnd();

    [GeneratedRegex(
        @"^netlens_probe_running\{[^}]*netlens_probe=""(?<probe>[^""]+)""[^}]*\} 1$", RegexOptions.Multiline, 1000)]
    private static partial Regex Running();
}
