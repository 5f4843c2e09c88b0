using Collector.Core.Probes;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Common;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Conventions;

/// <summary>docs/probes: a page per probe, half of it derived, half of it written by hand.</summary>
public sealed class ProbeDocsTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs", "probes");

    [Fact]
    public void Every_page_begins_with_what_the_descriptors_say()
    {
        using var host = new LinuxHost(new KernelPaths());
        foreach (var registration in AllProbes.List)
        {
            using var probe = registration.Create(host, new ProbeSettings(registration.Info));
            var path = PathOf(registration.Info);
            var page = File.Exists(path) ? File.ReadAllText(path) : ProbeDocs.End + "\n";
            var end = page.IndexOf(ProbeDocs.End, StringComparison.Ordinal);
            end.ShouldBeGreaterThanOrEqualTo(0, path);
            var own = page[(end + ProbeDocs.End.Length + 1)..];
            Hold(path, ProbeDocs.Head(registration.Info, ProbePlace.Of(probe)) + own);
        }
    }

    [Fact]
    public void Every_page_says_by_hand_what_the_probe_proves_and_costs_and_what_to_do()
    {
        foreach (var probe in NodeFactory.Catalogue)
        {
            var page = File.ReadAllText(PathOf(probe));
            var own = page[page.IndexOf(ProbeDocs.End, StringComparison.Ordinal)..];
            var at = ProbeDocs.Headings.Select(h => own.IndexOf($"\n{h}\n", StringComparison.Ordinal)).ToArray();
            at.ShouldAllBe(i => i > 0, probe.Id);
            at.ShouldBeInOrder(SortDirection.Ascending, probe.Id);
            foreach (var heading in ProbeDocs.Headings)
            {
                var text = own[(own.IndexOf($"\n{heading}\n", StringComparison.Ordinal) + heading.Length + 2)..];
                var next = text.IndexOf("\n## ", StringComparison.Ordinal);
                (next < 0 ? text : text[..next]).Trim().Length.ShouldBeGreaterThan(40, $"{probe.Id}: {heading}");
            }
        }
    }

    [Fact]
    public void The_list_in_Docs_has_every_page_and_there_are_no_others()
    {
        Hold(Path.Combine(Folder, "README.md"), ProbeDocs.Index(NodeFactory.Catalogue));
        Directory.GetFiles(Folder).Select(f => Path.GetFileNameWithoutExtension(f))
            .ShouldBe(["README", .. NodeFactory.Catalogue.Select(p => p.Id)], ignoreOrder: true);
    }

    private static string PathOf(ProbeInfo probe) => Path.Combine(Folder, $"{probe.Id}.md");

    private static void Hold(string path, string expected)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, expected);
        }
        File.Exists(path).ShouldBeTrue(path);
        File.ReadAllText(path).ShouldBe(expected, $"UPDATE_DOCS=1 ./test Docs rewrites {path}");
    }
}
