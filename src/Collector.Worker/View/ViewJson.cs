using System.Text.Json.Serialization;

namespace Collector.Worker.View;

/// <summary>The views as JSON: names in snake_case, null for what is not known.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(OverviewView))]
[JsonSerializable(typeof(SubjectDetail))]
[JsonSerializable(typeof(NodeDetail))]
[JsonSerializable(typeof(ListenersView))]
[JsonSerializable(typeof(DropsView))]
[JsonSerializable(typeof(SeriesView))]
[JsonSerializable(typeof(ChangesView))]
[JsonSerializable(typeof(MetricView[]))]
internal sealed partial class ViewJson : JsonSerializerContext;
