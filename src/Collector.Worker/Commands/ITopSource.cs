using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>Where <c>netlens top</c> gets its documents from, which are those of GET /api/v1.</summary>
internal interface ITopSource
{
    /// <summary>Where in a recording it is; null: it is no recording.</summary>
    TopMoment? Moment { get; }

    /// <summary>Why the last document that was asked for did not come; "" when it did.</summary>
    string Problem { get; }

    /// <summary>Goes so many collections on, or back, as far as there are.</summary>
    void Step(int collections);

    /// <summary>A document; null where it cannot be had.</summary>
    /// <param name="name">Behind /api/v1/.</param>
    Task<JsonElement?> GetAsync(string name);
}
