using Collector.Linux.Sources;

namespace Collector.Worker.Collection;

/// <summary>Says once per part of the collection, and again when it changes, how it is read and why.</summary>
internal sealed class PartReports(ILogger log)
{
    private readonly Dictionary<string, (bool FromKernel, string Reason)> _said = [];
    private readonly HashSet<string> _fellBack = [];

    public void Report(INode node)
    {
        var parts = node.Parts;
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            if (part.Fallbacks > 0 && _fellBack.Add(part.Name))
                Log.PartFellBack(log, part.Name, part.LastFallback);
            var now = (part.FromKernel, part.Reason);
            if (part.IsChosen && _said.GetValueOrDefault(part.Name) != now)
            {
                _said[part.Name] = now;
                Say(part);
            }
        }
    }

    private void Say(CollectedPart part)
    {
        if (part.IsRefused)
            Log.PartRefused(log, part.Name, part.Reason);
        else
            Log.PartChosen(log, part.Name, part.Source, part.Reason);
    }
}
