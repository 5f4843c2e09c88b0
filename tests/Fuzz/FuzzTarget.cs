using System.Text;

namespace Fuzz.Tests;

/// <summary>A parser of bytes that come from outside.</summary>
/// <param name="Name">Also that of its files.</param>
/// <param name="Seeds">Real samples, but for those in the corpus.</param>
/// <param name="Open">
/// Makes what the parser needs; null where this machine has it not. What it returns takes an input and throws for what
/// must not happen.
/// </param>
internal sealed record FuzzTarget(string Name, Func<IReadOnlyList<byte[]>> Seeds, Func<Action<byte[]>?> Open)
{
    /// <summary>Words that are put in between.</summary>
    public IReadOnlyList<byte[]> Words { get; init; } = [];

    /// <summary>Those in the corpus, too, among them what broke it once.</summary>
    public IReadOnlyList<byte[]> Samples() => [.. InputFiles.Of(Name), .. Seeds()];

    /// <summary>A parser that needs nothing.</summary>
    public static FuzzTarget Of(
        string name, Func<IReadOnlyList<byte[]>> seeds, Action<byte[]> run, params string[] words) =>
        new(name, seeds, () => run) { Words = [.. words.Select(Encoding.UTF8.GetBytes)] };
}
