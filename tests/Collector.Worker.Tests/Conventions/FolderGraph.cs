namespace Collector.Worker.Tests.Conventions;

/// <summary>Which folder of a project names what another declares.</summary>
/// <remarks>
/// A folder that uses a type without naming it, by <c>var</c> or through a property, names the type that has the
/// property, whose file names the first: a cycle through it is a longer one of names. Only extension methods are
/// reached with no name, so their calls count as one.
/// </remarks>
internal sealed class FolderGraph
{
    private readonly Dictionary<string, SortedDictionary<string, string>> _edges = [];
    private readonly ILookup<string, SourceFile> _types;
    private readonly ILookup<string, SourceFile> _extensions;

    public FolderGraph(IReadOnlyList<SourceFile> files)
    {
        _types = files.SelectMany(f => f.Types.Select(t => (Type: t, File: f))).ToLookup(d => d.Type, d => d.File);
        _extensions = files.SelectMany(f => f.Extensions.Select(e => (Method: e, File: f)))
            .ToLookup(d => d.Method, d => d.File);
        foreach (var file in files)
            AddEdges(file);
    }

    /// <summary>The shortest cycle through each folder that is in one, with a use for every edge of it.</summary>
    public IReadOnlyList<string> Cycles()
    {
        var cycles = new Dictionary<string, string>();
        foreach (var folder in _edges.Keys.Order(StringComparer.Ordinal))
        {
            if (ShortestWayBack(folder) is { } way)
                cycles.TryAdd(string.Join('|', way.Order(StringComparer.Ordinal)), Text(way));
        }
        return [.. cycles.Values];
    }

    public IEnumerable<string> UsersOf(string folder) =>
        _edges.Where(e => e.Value.ContainsKey(folder)).Select(e => e.Key);

    private void AddEdges(SourceFile user)
    {
        foreach (var names in user.Names())
        {
            if (Declarer(user, names) is var (symbol, declarer))
                AddEdge(user, declarer, symbol);
        }
        foreach (var call in user.Calls().Where(_extensions.Contains))
        {
            var seen = _extensions[call].Where(f => user.Enclosing().Concat(user.Usings).Contains(f.Namespace)).ToArray();
            if (seen.Length > 0 && !seen.Any(f => f.Folder == user.Folder))
                AddEdge(user, seen[0], $"{call}()");
        }
    }

    private void AddEdge(SourceFile user, SourceFile declarer, string symbol)
    {
        if (user.Folder == declarer.Folder)
            return;
        if (!_edges.TryGetValue(user.Folder, out var targets))
            _edges.Add(user.Folder, targets = new(StringComparer.Ordinal));
        targets.TryAdd(declarer.Folder, $"{user.Path} uses {symbol} of {declarer.Path}");
    }

    /// <summary>What the first of the names that is a type means in this file, by the rules of the language.</summary>
    private (string Symbol, SourceFile File)? Declarer(SourceFile user, string[] names)
    {
        for (var i = 0; i < names.Length; i++)
        {
            if (!_types.Contains(names[i]))
                continue;
            var before = string.Join('.', names[..i]);
            var spaces = i == 0
                ? user.Enclosing().Concat(user.Usings)
                : user.Enclosing().Select(n => $"{n}.{before}").Prepend(before);
            var found = spaces.Select(n => _types[names[i]].FirstOrDefault(f => f.Namespace == n))
                .FirstOrDefault(f => f is not null);
            if (found is not null)
                return (names[i], found);
        }
        return null;
    }

    private List<string>? ShortestWayBack(string start)
    {
        var from = new Dictionary<string, string>();
        var queue = new Queue<string>([start]);
        while (queue.TryDequeue(out var folder))
        {
            foreach (var next in _edges.TryGetValue(folder, out var targets) ? targets.Keys.ToArray() : [])
            {
                if (!from.TryAdd(next, folder))
                    continue;
                if (next == start)
                    return Way(from, start);
                queue.Enqueue(next);
            }
        }
        return null;
    }

    private static List<string> Way(Dictionary<string, string> from, string start)
    {
        var way = new List<string> { start };
        for (var folder = from[start]; folder != start; folder = from[folder])
            way.Insert(1, folder);
        return way;
    }

    private string Text(List<string> way)
    {
        var ring = way.Append(way[0]).ToArray();
        var uses = ring.Zip(ring.Skip(1), (a, b) => "\n  " + _edges[a][b]);
        return string.Join(" -> ", ring.Select(f => f.Length == 0 ? "(root)" : f)) + string.Concat(uses);
    }
}
