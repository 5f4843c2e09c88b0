using System.Text;
using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Agent;

namespace Packaging.Tests;

/// <summary>The tree that every package is made of.</summary>
public sealed partial class PayloadTests
{
    /// <summary>Of glibc 2.17: Alinux 2 and Enterprise Linux 7.</summary>
    private static readonly Version Oldest = new(2, 17);

    private static readonly string[] Libraries =
    [
        "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    ];

    private static IEnumerable<string> Files =>
        Directory.EnumerateFiles(Artifacts.Payload, "*", SearchOption.AllDirectories);

    [RequiresRootTheory("objdump", "aarch64-linux-gnu-objdump")]
    [InlineData("linux-x64")]
    [InlineData("linux-arm64")]
    public void Every_program_and_library_asks_for_no_more_than_glibc_2_17(string rid)
    {
        var tree = rid == "linux-x64" ? Artifacts.Payload : Artifacts.Arm64Payload;
        var elves = Directory.GetFiles(tree, "*", SearchOption.AllDirectories).Where(Elf.Is).ToArray();
        elves.Select(Path.GetFileName).Distinct().ShouldBe(["libbpf.so.1", "netlens"], ignoreOrder: true);
        foreach (var elf in elves)
        {
            Elf.Newest(elf, "GLIBC").ShouldNotBeNull().ShouldBeLessThanOrEqualTo(Oldest, elf);
            Elf.Needed(elf).Except(Libraries).ShouldBeEmpty(elf);
        }
    }

    [RequiresRootTheory]
    [InlineData("x86", "arm64")]
    [InlineData("arm64", "x86")]
    public void A_program_has_the_eBPF_objects_of_its_machine_and_no_others(string its, string other)
    {
        var tree = its == "x86" ? Artifacts.Payload : Artifacts.Arm64Payload;
        var program = File.ReadAllBytes(Path.Combine(tree, "usr/lib/netlens/netlens")).AsSpan();
        program.IndexOf(Encoding.ASCII.GetBytes($"bpf/{its}/packetloss.bpf.o")).ShouldBePositive();
        program.IndexOf(Encoding.ASCII.GetBytes($"bpf/{other}/")).ShouldBe(-1);
    }

    [RequiresRootFact]
    public void It_is_small_on_disk_and_in_memory()
    {
        var installed = Files.Sum(f => new FileInfo(f).Length);
        installed.ShouldBeLessThan(29_600_000);
        new FileInfo(Artifacts.Rpm).Length.ShouldBeLessThan(9_700_000);
        new FileInfo(Artifacts.Deb).Length.ShouldBeLessThan(9_700_000);
        // On a machine of its own with one namespace, after the garbage of the start was given back.
        var memory = Shell.Run(
            "unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child", "bash", "-c",
            $"ip link set lo up; NETLENS_COLLECTION_INTERVAL=1s {Artifacts.Program} run >/dev/null 2>&1 & "
                + "while [ $SECONDS -lt 45 ]; do sleep 1; rss=$(awk '/^VmRSS/ { print $2 }' /proc/$!/status); "
                + "[ $SECONDS -lt 8 ] || [ $rss -gt 50000 ] || break; done; echo $rss");
        int.Parse(memory.Trim()).ShouldBeInRange(15_000, 52_000, "KiB resident");
    }

    [RequiresRootFact("man")]
    public void The_man_page_has_every_command_and_option_and_nothing_else()
    {
        var page = Path.Combine(Artifacts.Payload, "usr/share/man/man1/netlens.1.gz");
        var (code, text, error) = Shell.Try("env", "MANWIDTH=200", "LC_ALL=C", "man", "--warnings=w", "-l", page);
        code.ShouldBe(0, error);
        error.ShouldBeEmpty();
        var commands = Commands("").ToArray();
        commands.Length.ShouldBeGreaterThan(10);
        var sections = Section().Matches(text)
            .ToDictionary(m => m.Groups["command"].Value, m => m.Groups["text"].Value);
        sections.Keys.ShouldBe(commands, ignoreOrder: true);
        foreach (var command in commands)
        {
            var help = Options(Shell.Run([Artifacts.Program, .. command.Split(' ')[1..], "--help"]));
            Options(sections[command]).ShouldBe(help.Except(["-h", "-?", "--help"]), true, command);
        }
    }

    [RequiresRootTheory("bash", "zsh", "fish")]
    [InlineData("netlens ", "run status why top once watch diag record list config doctor selftest btf version")]
    [InlineData("netlens config ", "check print diff import")]
    [InlineData("netlens once --format ", "table json prometheus otlp-json")]
    [InlineData("netlens once --prob", "--probe")]
    [InlineData("netlens list metrics --probe tcp", "(probes)")]
    public void Shells_complete_what_the_program_takes(string line, string expected)
    {
        var words = expected == "(probes)"
            ? [.. NodeFactory.Catalogue.Select(p => p.Id).Where(id => id.StartsWith("tcp", StringComparison.Ordinal))]
            : expected.Split(' ');
        Complete("bash", line).ShouldBe(words, ignoreOrder: true);
        Complete("fish", line).ShouldBe(words, ignoreOrder: true);
        Complete("zsh", line).ShouldBe(words, ignoreOrder: true);
    }

    [Fact]
    public void Completion_knows_every_command()
    {
        var suggestions = Shell.Run(Artifacts.Program, "[suggest:8]", "netlens ");
        foreach (var command in Commands("").Select(c => c.Split(' ')[1]))
            suggestions.Split('\n').ShouldContain(command);
        Shell.Run(Artifacts.Program, "[suggest:23]", "netlens once --probe tc")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .ShouldBe(NodeFactory.Catalogue.Select(p => p.Id).Where(p => p.Contains("tc")), ignoreOrder: true);
    }

    [Fact]
    public void Licences_of_everything_bundled_are_there()
    {
        var doc = Path.Combine(Artifacts.Payload, "usr/share/doc/netlens");
        var copyright = File.ReadAllText(Path.Combine(doc, "copyright"));
        // What is linked in cannot be told from the program: what is restored for it and not for a build alone.
        var linked = typeof(NodeFactory).Assembly.GetReferencedAssemblies()
            .Concat(typeof(Collector.Linux.LinuxHost).Assembly.GetReferencedAssemblies())
            .Select(a => a.Name!)
            .Where(n => !n.StartsWith("System.", StringComparison.Ordinal) || n == "System.CommandLine")
            .Where(n => !n.StartsWith("Microsoft.", StringComparison.Ordinal) && !n.StartsWith("Collector."))
            .Distinct();
        foreach (var name in linked.Concat(["libbpf", "libelf", "zlib", "preact", "uplot", "Microsoft.NETCore.App.Runtime.NativeAOT",
            "Microsoft.AspNetCore.App.Runtime", "Microsoft.DotNet.ILCompiler"]))
        {
            copyright.ShouldContain(name);
        }
        foreach (var text in (string[])["LICENSE.BSD-2-Clause", "elfutils.COPYING-LGPLV3", "zlib.copyright", "MIT.txt",
            "Microsoft.NETCore.App.*.THIRD-PARTY-NOTICES.TXT",
            "Microsoft.AspNetCore.App.*.THIRD-PARTY-NOTICES.TXT", "OpenTelemetry*.LICENSE.TXT", "BSD-3-Clause.txt"])
        {
            var files = Directory.GetFiles(Path.Combine(doc, "licences"), text);
            new FileInfo(files.ShouldHaveSingleItem(text)).Length.ShouldBeGreaterThan(500, text);
        }
        // A licence nobody has looked at has no place in the packages' own statement.
        var stated = File.ReadLines(Path.Combine(Repository.Root, "packaging/licences/expression")).Last();
        foreach (Match licence in Licence().Matches(copyright))
            stated.ShouldContain(licence.Groups["licence"].Value);
    }

    [Fact]
    public void Netlens_own_licences_are_there()
    {
        var doc = Path.Combine(Artifacts.Payload, "usr/share/doc/netlens");
        foreach (var (path, text) in Licences.ByPath)
            File.ReadAllText(Path.Combine(doc, path)).ShouldBe(text, path);
        File.ReadAllText(Path.Combine(doc, "copyright"))
            .ShouldStartWith($"{Licences.ByPath["NOTICE"]}\nSPDX: {Licences.Expression}\n");
        Licences.Expression.ShouldBe("Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)");
    }

    [Fact]
    public void Dashboards_and_rules_are_there()
    {
        foreach (var folder in (string[])["dashboards", "alerts"])
        {
            var source = Path.Combine(Repository.Root, "otel-config", folder);
            var shipped = Path.Combine(Artifacts.Payload, "usr/share/doc/netlens", folder);
            var files = Directory.GetFiles(source).Select(f => Path.GetFileName(f)!).ToArray();
            files.ShouldNotBeEmpty();
            Directory.GetFiles(shipped).Select(f => Path.GetFileName(f)!).ShouldBe(files, ignoreOrder: true);
            foreach (var file in files)
            {
                File.ReadAllBytes(Path.Combine(shipped, file))
                    .ShouldBe(File.ReadAllBytes(Path.Combine(source, file)), file);
            }
        }
    }

    /// <summary>Every command without further ones, as <c>netlens list probes</c>.</summary>
    private static IEnumerable<string> Commands(string above)
    {
        var words = above.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var help = Shell.Run([Artifacts.Program, .. words, "--help"]);
        var below = help.Split("\nCommands:\n") is [_, var list]
            ? Command().Matches(list).Select(m => m.Groups["name"].Value)
            : [];
        return below.Any() ? below.SelectMany(c => Commands($"{above} {c}")) : [$"netlens{above}"];
    }

    private static IEnumerable<string> Options(string help) =>
        Option().Matches(help).Select(m => m.Value).Distinct();

    private static string[] Complete(string shell, string line)
    {
        var share = Path.Combine(Artifacts.Payload, "usr/share");
        var words = line.Split(' ');
        var quoted = string.Join(' ', words.Select(w => $"'{w}'"));
        var bin = $"{Artifacts.Payload}/usr/bin";
        string[] command = shell switch
        {
            "bash" =>
            [
                "bash", "-c", $"PATH={bin}:$PATH; . {share}/bash-completion/completions/netlens; "
                    + $"COMP_LINE='{line}' COMP_POINT={line.Length} COMP_WORDS=({quoted}) "
                    + $"COMP_CWORD={words.Length - 1}; _netlens; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            ],
            "fish" =>
            [
                "fish", "--no-config", "-c", $"set -x HOME /nowhere; set -x PATH {bin} $PATH; "
                    + $"source {share}/fish/vendor_completions.d/netlens.fish; complete -C '{line}'",
            ],
            // The completion system needs a terminal; its function asks compadd, which here tells.
            _ =>
            [
                "zsh", "-f", "-c", $"path=({bin} $path); compadd() {{ print -l -- ${{(P)@[-1]}} }}; _files() {{ }}; "
                    + $"words=({quoted}); CURRENT={words.Length}; "
                    + $". {share}/zsh/site-functions/_netlens",
            ],
        };
        var last = words[^1];
        return [.. Shell.Run(command).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split('\t')[0]).Where(w => w.StartsWith(last, StringComparison.Ordinal))];
    }

    [GeneratedRegex(
        @"^   (?<command>netlens [a-z ]+)\n(?<text>.*?)(?=^   netlens |^[A-Z])",
        RegexOptions.Multiline | RegexOptions.Singleline, 5000)]
    private static partial Regex Section();

    [GeneratedRegex(@"^  (?<name>[a-z]+)(?= )", RegexOptions.Multiline, 5000)]
    private static partial Regex Command();

    [GeneratedRegex(@"(?<=[\s,])--?[a-z?][a-z]*(?=[\s,])", RegexOptions.None, 5000)]
    private static partial Regex Option();

    [GeneratedRegex(@"^\S+ [\d.]+: (?<licence>[A-Za-z0-9.-]+),", RegexOptions.Multiline, 5000)]
    private static partial Regex Licence();
}
