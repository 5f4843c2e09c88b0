using Collector.Tests.Support;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>
/// A test of the container image, which is built first. Skipped where it cannot be built, or not be run.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresImageFactAttribute : FactAttribute
{
    /// <param name="runs">Whether the test runs it in a node.</param>
    public RequiresImageFactAttribute(bool runs = true) =>
        Skip = ImageArchive.WhyNot ?? (runs ? NodeSupport.WhyNot("") : null);
}

/// <summary>A test that holds the bill of materials against its schema, which npm has.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresSchemaFactAttribute : FactAttribute
{
    public RequiresSchemaFactAttribute() => Skip = ImageArchive.WhyNot
        ?? (Shell.Find("npm") is null ? "npm is not installed"
            : Shell.Try("python3", "-c", "import jsonschema").Code == 0 ? null
            : "python3 has no jsonschema");
}
