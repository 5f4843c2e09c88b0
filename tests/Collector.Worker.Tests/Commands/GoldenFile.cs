using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Commands;

/// <summary>
/// What commands print, as it was read and found good: Golden/NAME.SIZE.txt. <c>UPDATE_GOLDEN=1 ./test Golden</c>
/// rewrites them.
/// </summary>
internal static partial class GoldenFile
{
    private static readonly string Folder =
        Path.Combine(Repository.Root, "tests/Collector.Worker.Tests/Commands/Golden");

    /// <summary>A terminal of each size, and a pipe.</summary>
    public static readonly (string Name, int? Columns, int Rows)[] Sizes =
        [("80x24", 80, 24), ("120x40", 120, 40), ("piped", null, 0)];

    public static IEnumerable<object[]> SizeNames => Sizes.Select(s => new object[] { s.Name });

    /// <summary>Compares with the file, or writes it.</summary>
    public static void Check(string name, string size, string text)
    {
        var path = Path.Combine(Folder, $"{name}.{size}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(path, text);
        File.Exists(path).ShouldBeTrue($"UPDATE_GOLDEN=1 ./test Golden writes {path}");
        text.ShouldBe(File.ReadAllText(path), $"{path}; UPDATE_GOLDEN=1 ./test Golden rewrites it");
    }

    /// <summary>The same for what is printed on a screen of that size.</summary>
    public static void Check(string name, string size, Action<Screen> print)
    {
        var text = new StringWriter();
        print(new Screen(text, Columns(size)));
        Check(name, size, text.ToString());
    }

    public static int? Columns(string size) => Sizes.Single(s => s.Name == size).Columns;

    /// <summary>A script's output and errors, on a real terminal of that size or in a pipe.</summary>
    /// <param name="script">For /bin/sh; <c>$0</c> is the program.</param>
    /// <param name="size">Which.</param>
    public static string Run(string script, string size)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, $"exec 2>&1\n{script}\n");
            var (_, columns, rows) = Sizes.Single(s => s.Name == size);
            var run = $"/bin/sh -c '. {file}' '{TestProgram.Path}'";
            string[] clean = ["env", "-i", $"PATH={Environment.GetEnvironmentVariable("PATH")}", "TERM=xterm", "HOME=/"];
            var result = columns is null
                ? Shell.Try([.. clean, "/bin/sh", "-c", run])
                : Shell.Try([.. clean, "script", "-qec", $"stty cols {columns} rows {rows}; {run}", "/dev/null"]);
            return Plain().Replace(result.Output, "");
        }
        finally
        {
            File.Delete(file);
        }
    }

    // Bold and the like, and what a terminal adds to the ends of lines.
    [GeneratedRegex(@"\e\[[?0-9;]*[a-zA-Z]|\e[=>]|\r", RegexOptions.None, 1000)]
    private static partial Regex Plain();
}
