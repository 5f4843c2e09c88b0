using System.Text;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Pods.Cri;

namespace Collector.Linux.Pods;

/// <summary>
/// Makes names of what the runtime says of a sandbox. A runtime, or who made the pod, may say anything: names
/// leave as Kubernetes allows them, and a label cannot have more values than a backend bears.
/// </summary>
/// <param name="wanted">Keys of the labels to take along.</param>
/// <param name="rejected">Called with a constant for everything that was refused or changed.</param>
internal sealed class PodLabels(IReadOnlyList<string> wanted, Action<string> rejected)
{
    /// <summary>Values of one key; further pods get <see cref="Other"/>.</summary>
    public const int MostValues = 1000;

    public const string Other = "_other";

    // metadata.name is a DNS subdomain, a namespace and a label's value are at most 63 (apimachinery, validation).
    private const int LongestName = 253;
    private const int LongestLabel = 63;

    private readonly Dictionary<string, HashSet<string>> _values = [];

    /// <summary>Null where the sandbox has no name.</summary>
    public SubjectNames? NamesOf(PodSandbox sandbox)
    {
        if (sandbox.Metadata is not { Name.Length: > 0, Namespace.Length: > 0 } metadata)
        {
            rejected("no_metadata");
            return null;
        }
        return new SubjectNames(
            null, Clean(metadata.Namespace.Text(), LongestLabel, "name"),
            Clean(metadata.Name.Text(), LongestName, "name"),
            metadata.Uid.Length == 0 ? null : Clean(metadata.Uid.Text(), LongestLabel, "name"))
        {
            PodLabels = Labels(sandbox),
        };
    }

    /// <summary>The name of a container.</summary>
    public string Name(string text) => Clean(text, LongestLabel, "name");

    private List<KeyValuePair<string, string>> Labels(PodSandbox sandbox)
    {
        var labels = new List<KeyValuePair<string, string>>();
        foreach (var key in wanted)
        {
            if (sandbox.Labels.ValueOf(key) is { Length: > 0 } value)
                labels.Add(new(key, Bounded(key, Clean(value, LongestLabel, "label"))));
        }
        return labels;
    }

    private string Bounded(string key, string value)
    {
        if (!_values.TryGetValue(key, out var values))
            _values.Add(key, values = []);
        if (values.Count >= MostValues && !values.Contains(value))
        {
            rejected("label_values");
            return Other;
        }
        values.Add(value);
        return value;
    }

    // Letters, digits, - _ . are all that Kubernetes lets through; a runtime that says more is lying or broken.
    private string Clean(string text, int longest, string reason)
    {
        if (text.Length <= longest && !text.AsSpan().ContainsAnyExcept(Allowed))
            return text;
        rejected(reason);
        var clean = new StringBuilder(text, 0, Math.Min(text.Length, longest), longest);
        for (var i = 0; i < clean.Length; i++)
        {
            if (!Allowed.Contains(clean[i]))
                clean[i] = '_';
        }
        return NamePool.Of(clean.ToString());
    }

    private static readonly System.Buffers.SearchValues<char> Allowed = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
}
