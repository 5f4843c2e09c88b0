namespace Collector.ScaleRun;

/// <summary>What one more pod and one more socket cost, from the difference of two nodes.</summary>
/// <param name="Of">The setting of collection.source.</param>
/// <param name="OfSockets">Of a socket; else of a pod.</param>
/// <param name="From">Pods, or sockets, of the smaller node.</param>
/// <param name="To">Of the larger one.</param>
/// <param name="Microseconds">
/// Of CPU per collection: of the whole process, of the collection thread, and by probe.
/// </param>
internal sealed record Growth(
    string Of, bool OfSockets, int From, int To, IReadOnlyDictionary<string, double> Microseconds)
{
    public string Title => $"{(OfSockets ? "a socket" : "a pod")}, {From} to {To}";

    /// <summary>
    /// Per pod between nodes that have the same connections in each pod, per socket between nodes of as many pods.
    /// </summary>
    public static IEnumerable<Growth> Steps(IReadOnlyList<ScaleFigures> all)
    {
        var byPods = all.Where(f => !f.Case.OtherSockets).OrderBy(f => f.Case.Pods).ToList();
        var pods = all.FirstOrDefault(f => f.Case.OtherSockets)?.Case.Pods;
        var bySockets = all.Where(f => f.Case.Pods == pods).OrderBy(f => f.Case.Connections).ToList();
        foreach (var source in all.SelectMany(f => f.Agents.Keys).Distinct())
        {
            foreach (var (from, to) in byPods.Zip(byPods.Skip(1)))
                yield return new(source, false, from.Case.Pods, to.Case.Pods,
                    Differences(from.Agents[source], to.Agents[source], to.Case.Pods - from.Case.Pods));
            foreach (var (from, to) in bySockets.Zip(bySockets.Skip(1)))
            {
                var (before, after) = (2 * from.Case.Connections, 2 * to.Case.Connections);
                yield return new(source, true, before, after,
                    Differences(from.Agents[source], to.Agents[source], after - before));
            }
        }
    }

    private static Dictionary<string, double> Differences(AgentFigures from, AgentFigures to, int added)
    {
        double Each(double before, double after) => (after - before) * 1000 / added;
        var all = new Dictionary<string, double>
        {
            ["whole process"] = Each(from.CpuPerCollection.Median, to.CpuPerCollection.Median),
            ["collection thread"] = Each(from.CollectionThread, to.CollectionThread),
        };
        foreach (var (probe, milliseconds) in to.Probes.OrderByDescending(p => p.Value))
            all[probe] = Each(from.Probes[probe], milliseconds);
        return all;
    }
}
