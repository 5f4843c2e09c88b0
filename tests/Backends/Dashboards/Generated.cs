namespace Backends.Tests.Dashboards;

/// <summary>Files of the repository that are made.</summary>
internal static class Generated
{
    /// <summary>Holds a file to what it must be, or with UPDATE_DOCS=1 writes it.</summary>
    public static void Hold(string path, string expected)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, expected);
        }
        File.Exists(path).ShouldBeTrue(path);
        File.ReadAllText(path).ShouldBe(expected, $"UPDATE_DOCS=1 ./test Docs rewrites {path}");
    }
}
