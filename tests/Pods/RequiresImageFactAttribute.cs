using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>A test of the container image, which is built first. Skipped where it cannot be, or cannot be run.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresImageFactAttribute : FactAttribute
{
    /// <param name="runs">Whether the test runs it in a node.</param>
    public RequiresImageFactAttribute(bool runs = true) =>
        Skip = ImageArchive.WhyNot ?? (runs ? NodeSupport.WhyNot("") : null);
}
