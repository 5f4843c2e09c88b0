using System.Text.Json;
using Collector.Core.Findings;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.View;

namespace Collector.Worker.Commands;

/// <summary>The same documents of a recording, at one of its collections.</summary>
internal sealed class TopReplay : ITopSource
{
    private const string SubjectPrefix = "subjects/";

    private readonly Recording _recording;
    private readonly ViewSource _source;
    private readonly IReadOnlyList<Finding>[] _findings;
    private int _place;

    private TopReplay(RecordFile file, Recording recording, AgentOptions options, int place)
    {
        _recording = recording;
        _findings = ReplayedFindings.Each(file, options);
        _source = new()
        {
            Recording = recording, Facts = ViewFacts.Of(file.Header), Catalogue = NodeFactory.Catalogue,
            Events = () => file.Events, Version = AgentIdentity.Version,
        };
        _place = place;
    }

    public TopMoment Moment => new(Volatile.Read(ref _place), _recording.Times.Count);

    TopMoment? ITopSource.Moment => Moment;

    public string Problem { get; private set; } = "";

    /// <summary>A recording's; null after a message where it has none.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="at">Unix nanoseconds; null: its end.</param>
    /// <param name="options">Which causes are looked for.</param>
    public static TopReplay? Open(string path, long? at, AgentOptions options)
    {
        if (Replays.Open(path) is not { } file)
            return null;
        if (Replays.PlaceIn(file, at) is not { } place)
            return null;
        return new(file, file.Collections!, options, place);
    }

    public void Step(int collections) =>
        Volatile.Write(ref _place, Math.Clamp(_place + collections, 0, _recording.Times.Count - 1));

    // A walk from the end of the recording: elsewhere, so that keys are heard.
    public Task<JsonElement?> GetAsync(string name)
    {
        var place = Moment.Place;
        return Task.Run(() =>
        {
            var source = _source with { Findings = place < _findings.Length ? _findings[place] : [] };
            var view = NodeView.Of(source, at: _recording.Times[place].Time);
            var document = view is null ? null : Of(view, name);
            Problem = document is null ? "it is not there at this time" : "";
            return document;
        });
    }

    private static JsonElement? Of(NodeView view, string name) => name switch
    {
        "overview" => ViewJson.Element(ViewJson.Bytes(view.Overview())),
        "node" => ViewJson.Element(ViewJson.Bytes(view.Node())),
        "listeners" => ViewJson.Element(ViewJson.Bytes(view.Listeners())),
        "drops" => ViewJson.Element(ViewJson.Bytes(view.Drops())),
        _ when name.StartsWith(SubjectPrefix, StringComparison.Ordinal)
            && view.Subject(Uri.UnescapeDataString(name[SubjectPrefix.Length..])) is { } subject =>
            ViewJson.Element(ViewJson.Bytes(subject)),
        _ => null,
    };
}
