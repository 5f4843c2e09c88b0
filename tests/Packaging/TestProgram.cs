using Packaging.Tests;

namespace Collector.Tests.Support;

/// <summary>The program that tests start: here the packaged one.</summary>
internal static class TestProgram
{
    public static string Path => Artifacts.Program;
}
