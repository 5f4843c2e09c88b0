using Collector.Worker.Configuration;
using Collector.Worker.Configuration.Yaml;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Recorder;

/// <summary>Reads one value; false when it is none.</summary>
internal delegate bool TryRead<T>(string text, out T value);

/// <summary>
/// The parameters of a request while they are read one by one. A parameter may be there several times and have several
/// values, separated by commas.
/// </summary>
internal sealed class QueryParameters
{
    private readonly Dictionary<string, StringValues> _given = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _names = [];

    public QueryParameters(IEnumerable<KeyValuePair<string, StringValues>> parameters)
    {
        foreach (var (name, values) in parameters)
            _given[name] = StringValues.Concat(_given.GetValueOrDefault(name), values);
    }

    /// <summary>The first thing that is wrong, as one line; "" while nothing is.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>All values of a parameter; none where it is not there.</summary>
    public T[] All<T>(string name, TryRead<T> read, string allowed)
    {
        _names.Add(name);
        if (!_given.TryGetValue(name, out var texts))
            return [];
        var values = new List<T>();
        foreach (var text in texts.SelectMany(t => (t ?? "").Split(',')))
        {
            if (read(text, out var value))
                values.Add(value);
            else
                Fail($"{name} must be {allowed}; '{YamlText.Shown(text)}' is not");
        }
        return [.. values];
    }

    /// <summary>The value of a parameter that has one only; the other one where it is not there.</summary>
    public T One<T>(string name, TryRead<T> read, string allowed, T otherwise)
    {
        var values = All(name, read, allowed);
        if (values.Length > 1)
            Fail($"{name} must be given once: {allowed}");
        return values.Length == 1 ? values[0] : otherwise;
    }

    /// <summary>Refuses parameters that nobody has asked for.</summary>
    public void End()
    {
        foreach (var name in _given.Keys.Except(_names, StringComparer.OrdinalIgnoreCase))
        {
            Fail($"there is no parameter '{YamlText.Shown(name)}'{Suggestion.For(name, _names)}; there are "
                + string.Join(", ", _names));
        }
    }

    private void Fail(string problem)
    {
        if (Problem.Length == 0)
            Problem = problem;
    }
}
