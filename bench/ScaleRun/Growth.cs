namespace Collector.ScaleRun;

/// <summary>What one more pod and one more socket cost, from the difference of two nodes.</summary>
/// <param name="Title">From which node to which.</param>
/// <param name="Rows">Microseconds of CPU, of the whole process and by probe.</param>
internal sealed record Growth(string Title, Dictionary<string, string> Rows)
{
    /// <summary>
    /// Per pod between nodes that have the same connections in each pod, per socket between nodes of as many pods.
    /// </summary>
    public static IEnumerable<Growth> Steps(IReadOnlyList<ScaleFigures> all)
    {
        foreach (var source in all.SelectMany(f => f.Agents.Keys).Distinct())
        {
            var byPods = all.Where(f => f.HostOnly is not null).OrderBy(f => f.Case.Pods).ToList();
            foreach (var (from, to) in byPods.Zip(byPods.Skip(1)))
                yield return Step($"a pod, {from.Case.Pods} to {to.Case.Pods}", source, from, to,
                    to.Case.Pods - from.Case.Pods);
            var pods = all.FirstOrDefault(f => f.HostOnly is null)?.Case.Pods;
            var bySockets = all.Where(f => f.Case.Pods == pods).OrderBy(f => f.Case.Connections).ToList();
            foreach (var (from, to) in bySockets.Zip(bySockets.Skip(1)))
                yield return Step($"a socket, {2 * from.Case.Connections} to {2 * to.Case.Connections}", source, from,
                    to, 2 * (to.Case.Connections - from.Case.Connections));
        }
    }

    private static Growth Step(string title, string source, ScaleFigures from, ScaleFigures to, int added)
    {
        var (before, after) = (from.Agents[source], to.Agents[source]);
        var rows = new Dictionary<string, string>
        {
            ["whole process"] = Report.F(
                (after.CpuPerCollection.Median - before.CpuPerCollection.Median) * 1000 / added),
        };
        foreach (var (probe, milliseconds) in after.Probes.OrderByDescending(p => p.Value))
            rows[probe] = Report.F((milliseconds - before.Probes[probe]) * 1000 / added);
        return new(source.Length > 0 ? $"{title}, {source}" : title, rows);
    }
}
