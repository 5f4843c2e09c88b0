using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>The packages, really installed, upgraded and removed on a machine with systemd.</summary>
public sealed class PackageTests
{
    private const string Configuration = "/etc/netlens/netlens.yaml";

    [RequiresMachineTheory("rpmbuild", "dpkg-deb")]
    [InlineData("rpm")]
    [InlineData("deb")]
    public void Installs_starts_upgrades_and_leaves_nothing(string kind)
    {
        using var machine = new Machine();
        var package = kind == "rpm" ? Artifacts.Rpm : Artifacts.Deb;
        var before = Others(machine);
        Install(machine, kind, package);
        machine.Run("netlens", "version").ShouldStartWith("netlens 0.");
        machine.Run("stat", "-c", "%a %U:%G", Configuration).ShouldBe("640 root:root\n");
        machine.Try("systemctl", "is-enabled", "netlens").Output.ShouldBe("disabled\n");
        machine.Try("systemctl", "is-active", "netlens").Output.ShouldBe("inactive\n");
        machine.Run("systemctl", "enable", "--now", "netlens");
        Wait.Until(() => machine.Page(), p => p, p => p.Contains("system_network_io_bytes_total"));
        machine.Page(path: "").ShouldContain("page/app.", Case.Sensitive, "the page of a node is in packages");
        var first = machine.Show("MainPID");

        // Installed anew, the service goes on with the new program and with the old, changed configuration.
        machine.Run("sh", "-c", $"echo 'collection: {{ interval: 7s }}' >>{Configuration}");
        Install(machine, kind, Artifacts.Newer(kind, machine.Folder));
        machine.Run("cat", Configuration).ShouldEndWith("interval: 7s }\n");
        machine.Run("sh", "-c", $"cat {Configuration}.*").ShouldEndWith("# a newer default\n");
        machine.Try("systemctl", "is-enabled", "netlens").Output.ShouldBe("enabled\n");
        machine.Show("ActiveState").ShouldBe("active");
        machine.Show("MainPID").ShouldNotBe(first);

        Remove(machine, kind);
        machine.Show("LoadState").ShouldBe("not-found");
        machine.Try("sh", "-c", "cat /proc/[0-9]*/comm").Output.Split('\n').ShouldNotContain("netlens");
        // RPM never deletes a changed configuration; dpkg's purge does.
        Others(machine).Except(before).ShouldBe(
            kind == "rpm" ? [$"{Configuration}.rpmnew", $"{Configuration}.rpmsave"] : []);
    }

    [RequiresMachineTheory("rpmbuild", "dpkg-deb")]
    [InlineData("rpm")]
    [InlineData("deb")]
    public void A_removal_without_changes_leaves_nothing(string kind)
    {
        using var machine = new Machine();
        var before = Others(machine);
        Install(machine, kind, kind == "rpm" ? Artifacts.Rpm : Artifacts.Deb);
        Others(machine).Count.ShouldBeGreaterThan(before.Count + 30);
        Remove(machine, kind);
        Others(machine).Except(before).ShouldBeEmpty();
        machine.Try("ls", "-d", "/etc/netlens", "/usr/lib/netlens", "/usr/share/doc/netlens").Output.ShouldBeEmpty();
    }

    [RequiresRootFact("rpmlint", "rpmbuild")]
    public void Rpmlint_has_no_objection_but_those_that_are_explained()
    {
        var (code, output, _) = Shell.Try(
            "rpmlint", "-c", Path.Combine(Repository.Root, "packaging/rpm/rpmlint.toml"), Artifacts.Rpm,
            Artifacts.Symbols(Artifacts.Rpm));
        code.ShouldBe(0, output);
        output.ShouldContain(" 0 errors, 0 warnings");
    }

    [RequiresRootFact("rpm", "rpmbuild")]
    public void The_RPM_asks_for_nothing_that_glibc_does_not_bring()
    {
        var requires = Shell.Run("rpm", "-qp", "--requires", Artifacts.Rpm)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct()
            .Select(r => r.Split('(', ' ')[0]).Distinct();
        requires.Except(["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1",
            "ld-linux-x86-64.so.2", "rtld", "rpmlib", "config", "/bin/sh"]).ShouldBeEmpty();
        Shell.Run("rpm", "-qp", "--provides", Artifacts.Rpm).ShouldNotContain(".so");
        Shell.Run("rpm", "-qpc", Artifacts.Rpm).ShouldBe(Configuration + "\n");
        Shell.Run("rpm", "-qp", "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]", Artifacts.Rpm)
            .ShouldContain($"cn {Configuration}\n");
    }

    [RequiresRootFact("rpm", "rpmbuild", "dpkg-deb")]
    public void Both_have_the_licences()
    {
        Shell.Run("rpm", "-qp", "--qf", "%{LICENSE}", Artifacts.Rpm).ShouldStartWith($"{Licences.Expression} AND ");
        var rpm = Shell.Run("rpm", "-qpl", Artifacts.Rpm).Split('\n');
        var deb = Shell.Run("dpkg-deb", "-c", Artifacts.Deb);
        foreach (var path in Licences.ByPath.Keys.Append("copyright").Select(p => $"/usr/share/doc/netlens/{p}"))
        {
            rpm.ShouldContain(path);
            deb.ShouldContain($" .{path}\n");
        }
    }

    [RequiresRootTheory("rpmbuild", "dpkg-deb")]
    [InlineData("rpm")]
    [InlineData("deb")]
    public void The_same_tree_gives_the_same_bytes(string kind)
    {
        var folder = Directory.CreateTempSubdirectory("netlens-package-");
        try
        {
            string[] hashes = [.. Enumerable.Range(0, 2).Select(i =>
            {
                var file = Artifacts.Newer(kind, Directory.CreateDirectory($"{folder.FullName}/{i}").FullName);
                return Shell.Run("sha256sum", file).Split(' ')[0];
            })];
            hashes[0].ShouldBe(hashes[1]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Debian's rpm knows nothing of what dpkg installed: dependencies are looked at by a test of their own.
    private static void Install(Machine machine, string kind, string package)
    {
        machine.Run("cp", package, "/run");
        package = "/run/" + Path.GetFileName(package);
        if (kind == "rpm")
            machine.Run("rpm", "--dbpath", "/var/lib/rpm", "-U", "--nodeps", package);
        else
            machine.Run("dpkg", "--force-confold", "-i", package);
    }

    private static void Remove(Machine machine, string kind)
    {
        if (kind == "rpm")
            machine.Run("rpm", "--dbpath", "/var/lib/rpm", "-e", "netlens");
        else
            machine.Run("dpkg", "--purge", "netlens");
    }

    // Without what package managers and DynamicUser= keep for themselves.
    private static IReadOnlyList<string> Others(Machine machine) =>
        [.. machine.Changed().Where(f => !f.StartsWith("/var/lib/rpm/") && !f.StartsWith("/var/lib/dpkg/")
            && !f.StartsWith("/var/cache/man/") && f is not ("/var/log/dpkg.log" or "/etc/.pwd.lock"))];
}
