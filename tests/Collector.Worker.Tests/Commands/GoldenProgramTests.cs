using Collector.Tests.Support;

namespace Collector.Worker.Tests.Commands;

/// <summary>What the program prints that is the same on every machine, on real terminals and in a pipe.</summary>
public sealed class GoldenProgramTests
{
    private static readonly string[] Commands =
    [
        "", "run", "top", "once", "watch", "diag", "diag metric", "diag event", "list", "list probes",
        "list metrics", "list events", "list namespaces", "list pods",
        "config", "config check", "config print", "doctor", "btf", "btf discover", "version",
    ];

    public static IEnumerable<object[]> Sizes => GoldenFile.SizeNames;

    [RequiresRootTheory("script")]
    [MemberData(nameof(Sizes))]
    public void Help(string size) => GoldenFile.Check("help", size,
        GoldenFile.Run(Script(Commands.Select(c => $"{c} --help".Trim())), size));

    [RequiresRootTheory("script")]
    [MemberData(nameof(Sizes))]
    public void Lists(string size) => GoldenFile.Check("list", size, GoldenFile.Run(Script(
    [
        "list probes", "list events", "list metrics --probe tcpreset softirq virtcmdlatency",
        "list metrics --probe tcpreset softirq virtcmdlatency --naming inspector",
        "list metrics --probe tcpreset --naming otel", "selftest",
    ]), size));

    /// <summary>Wrong words, wrong files, and what each ends with.</summary>
    [RequiresRootTheory("script")]
    [MemberData(nameof(Sizes))]
    public void Faults(string size)
    {
        var folder = Directory.CreateTempSubdirectory("netlens-golden-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "wrong.yaml"),
                "colection:\n  interval: 15s\nprobes:\n  tcpexd: true\nhttp:\n  listen: 9102\npods: { poll: 1ms }\n");
            File.WriteAllText(Path.Combine(folder.FullName, "right.yaml"),
                $"paths: {{ sys: {folder.FullName} }}\npods: {{ runtimeEndpoint: none }}\n");
            var text = GoldenFile.Run($"cd {folder.FullName}\n" + Script(
            [
                "onc", "list", "list probs", "once --format xml", "once --naming kubeskop", "once --probe tpc",
                "once --for soon", "once --pod web", "once --netns no-such-namespace", "once @/etc/shadow",
                "watch --for soon", "watch -s a/b", "watch -o xml", "watch --own --kind nothing",
                "diag", "diag metrics", "diag metric -p tpc",
                "config check --config wrong.yaml", "config check --config wrong.yaml --format json",
                "config print --config wrong.yaml", "once --config none.yaml", "config check --config right.yaml",
                "config print --config right.yaml", "once --config right.yaml --probe rdma",
                "once --config right.yaml --pod shop/web-0 --probe sock",
            ]), size);
            GoldenFile.Check("faults", size, text.Replace(folder.FullName, "/folder"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A machine that is the same everywhere: files that were recorded on one.</summary>
    [RequiresRootTheory("script")]
    [MemberData(nameof(Sizes))]
    public void Recorded(string size)
    {
        // As long on every machine: where lines are broken depends on it.
        var folder = $"/tmp/netlens-{Guid.NewGuid():N}";
        Directory.CreateDirectory(folder);
        try
        {
            var tree = Path.Combine(Repository.Root, "tests/Collector.Linux.Tests/Fixtures/6.12/proc");
            Directory.CreateSymbolicLink($"{folder}/proc", tree);
            File.WriteAllText($"{folder}/n.yaml",
                $"paths: {{ proc: {folder}/proc, sys: {folder}/sys }}\npods: {{ runtimeEndpoint: none }}\n");
            // In a pipe doctor tells how long each probe took, and what the machine is.
            var text = GoldenFile.Run($"cd {folder}\n" + Script(
            [
                "once --config n.yaml", "once --config n.yaml --all --probe softnet udp ipvs",
                "once --config n.yaml --probe tcp netdev", "list namespaces --config n.yaml",
                "list pods --config n.yaml", .. size == "piped" ? (string[])[] : ["doctor --config n.yaml 2>/dev/null"],
            ]), size);
            GoldenFile.Check("recorded", size, text.Replace(folder, $"/tmp/netlens-{new string('0', 32)}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What the two scripts say themselves.</summary>
    [RequiresRootTheory("script")]
    [MemberData(nameof(Sizes))]
    public void Scripts(string size)
    {
        var folder = Directory.CreateTempSubdirectory("netlens-golden-");
        try
        {
            foreach (var tool in (string[])["dirname", "cat"])
                File.CreateSymbolicLink(Path.Combine(folder.FullName, tool), Shell.Find(tool)!);
            // A machine without .NET.
            var text = GoldenFile.Run($"""
                cd {Repository.Root}
                export PATH={folder.FullName}
                echo '$ ./test --help'; /bin/bash ./test --help; echo "exit $?"
                echo '$ ./test --hlep'; /bin/bash ./test --hlep; echo "exit $?"
                echo '$ ./test'; /bin/bash ./test; echo "exit $?"
                echo '$ ./run'; /bin/bash ./run; echo "exit $?"
                """, size);
            GoldenFile.Check("scripts", size, text);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Each command behind a prompt, and its exit code.
    private static string Script(IEnumerable<string> commands) => string.Join('\n', commands.Select(
        c => $"echo '$ netlens {c}'; \"$0\" {c}; echo \"exit $?\""));
}
