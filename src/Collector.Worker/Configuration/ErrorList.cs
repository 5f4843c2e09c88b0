namespace Collector.Worker.Configuration;

/// <summary>
/// Collects errors; after <see cref="Limit"/> it only counts, so that a wrong file cannot flood the log.
/// </summary>
internal sealed class ErrorList
{
    public const int Limit = 100;

    private readonly List<ConfigurationError> _errors = [];
    private int _more;

    public bool Any => _errors.Count > 0;

    public void Add(string place, string? key, string problem, string? allowed = null)
    {
        if (_errors.Count < Limit)
            _errors.Add(new(place, key, problem, allowed));
        else
            _more++;
    }

    public IReadOnlyList<ConfigurationError> ToList() => _more == 0
        ? _errors
        : [.. _errors, new("configuration", null, $"{_more} more errors are not shown")];
}
