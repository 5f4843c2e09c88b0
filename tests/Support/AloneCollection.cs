namespace Collector.Tests.Support;

/// <summary>
/// Tests that look at the whole machine or at the whole process: they run while no other test of the assembly makes
/// namespaces, processes or garbage.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
