namespace Collector.FaultMatrix;

/// <summary>What was seen of one fault at one intensity, alone or beside others.</summary>
/// <param name="Fault">The kind of its finding.</param>
/// <param name="Intensity">How much of it was caused, 1 as the selftest does.</param>
/// <param name="Beside">The two faults beside it; empty: it was alone.</param>
/// <param name="Counted">The collection that first showed its metric, 1 being that after its cause; 0: none.</param>
/// <param name="Found">The collection by which it was found; 0: by none.</param>
/// <param name="Milliseconds">From its cause until it was found.</param>
/// <param name="Wrong">Kinds found in its namespaces that are neither its own nor a consequence.</param>
/// <param name="Reason">Why not all was seen; empty: it was, or no reason is known.</param>
/// <param name="IsBeyond">This kernel cannot show it: it does not count.</param>
internal sealed record Cell(
    string Fault, double Intensity, IReadOnlyList<string> Beside, int Counted, int Found, double Milliseconds,
    IReadOnlyList<string> Wrong, string Reason, bool IsBeyond);
