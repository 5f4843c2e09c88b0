using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using Collector.Worker.Http.Api;
using Collector.Worker.View;

namespace Collector.Worker.Tests.Http;

/// <summary>A parameter of a path.</summary>
/// <param name="Name">Its name.</param>
/// <param name="In"><c>query</c> or <c>path</c>.</param>
/// <param name="Type">Its JSON type.</param>
/// <param name="Text">What it may be.</param>
internal sealed record ApiParameter(string Name, string In, string Type, string Text);

/// <summary>A path.</summary>
/// <param name="Path">Below the root.</param>
/// <param name="Text">What it answers.</param>
/// <param name="Type">The answer; null: the stream, or this document.</param>
/// <param name="Media">Its media type.</param>
/// <param name="Parameters">What it takes.</param>
internal sealed record ApiPath(
    string Path, string Text, Type? Type, string Media, params IReadOnlyList<ApiParameter> Parameters);

/// <summary>/api/v1/openapi.json, made of the types that answers are written by, so that it cannot say others.</summary>
internal static class OpenApiDocument
{
    private const string Json = "application/json";

    /// <summary>As answers are written.</summary>
    internal static readonly JsonSerializerOptions Names = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        RespectNullableAnnotations = true,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.Strict,
    };

    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly ApiParameter Window = new("window", "query", "integer",
        "Seconds before the newest collection of which rates are told: 1 to 3600, 60 where it is not given.");

    private static readonly ApiParameter Id = new("id", "path", "string", "As pods[].id of the overview.");

    private static readonly ApiParameter Subject = new("subject", "query", "string",
        "The id of one; all where it is not given.");

    private static readonly ApiParameter From = Time("from", "Beginning");

    private static readonly ApiParameter To = Time("to", "End");

    /// <summary>All paths.</summary>
    public static IReadOnlyList<ApiPath> Paths { get; } =
    [
        new("/overview", "The node in one look.", typeof(OverviewView), Json, Window),
        new("/subjects/{id}", "One pod, namespace or container, or the host.", typeof(SubjectDetail), Json,
            Id, Window),
        new("/node", "Processors, devices, tables and settings.", typeof(NodeDetail), Json, Window),
        new("/listeners", "TCP listeners of the whole node.", typeof(ListenersView), Json, Window),
        new("/drops", "Packets dropped, by namespace, stage and reason.", typeof(DropsView), Json, Window),
        new("/series", "A metric over time.", typeof(SeriesView), Json,
            new("metric", "query", "string", "Its name, as /metrics has it."), Subject,
            new("tag", "query", "string", "An attribute and its value, key:value; may be given several times."),
            From, To, new("points", "query", "integer", "At most so many: 1 to 2000, 300 where it is not given.")),
        new("/changes", "Counters that moved otherwise than in the time before, four times as long.",
            typeof(ChangesView), Json, From, To, Subject),
        new("/metrics", "Every metric, its kernel name, unit and PromQL.", typeof(MetricView[]), Json),
        new("/stream", "The overview after each collection, every two seconds at most: events named overview.", null,
            "text/event-stream", Window),
        new("/openapi.json", "This.", null, Json),
    ];

    private static ApiParameter Time(string name, string what) => new(name, "query", "string",
        what + " of the time: RFC 3339, Unix seconds, or how long ago (10m).");

    /// <summary>The document.</summary>
    public static string Make()
    {
        var paths = new JsonObject();
        foreach (var path in Paths)
            paths[path.Path] = new JsonObject { ["get"] = Operation(path) };
        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Netlens", ["version"] = "1",
                ["description"] = "A node's network as the kernel counts it. Read-only. Null stands for what is not "
                    + "known; numbers are in the unit that their names end in.",
            },
            // Relative to this document, wherever a proxy has put it.
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "../v1" }),
            ["paths"] = paths,
        };
        return document.ToJsonString(Readable).ReplaceLineEndings("\n") + "\n";
    }

    private static JsonObject Operation(ApiPath path)
    {
        JsonNode schema = path.Type is { } type
            ? Names.GetJsonSchemaAsNode(type, new() { TreatNullObliviousAsNonNullable = true })
            : new JsonObject { ["type"] = path.Media == Json ? "object" : "string" };
        var parameters = new JsonArray();
        foreach (var parameter in path.Parameters)
        {
            parameters.Add((JsonNode)new JsonObject
            {
                ["name"] = parameter.Name, ["in"] = parameter.In,
                ["required"] = parameter.In == "path" || parameter.Name == "metric",
                ["description"] = parameter.Text, ["schema"] = new JsonObject { ["type"] = parameter.Type },
            });
        }
        return new JsonObject
        {
            ["summary"] = path.Text,
            ["parameters"] = parameters,
            ["responses"] = new JsonObject
            {
                ["200"] = new JsonObject
                {
                    ["description"] = path.Text,
                    ["content"] = new JsonObject { [path.Media] = new JsonObject { ["schema"] = schema } },
                },
                ["400"] = Words("A parameter is wrong: one line says which, and what it may be."),
                ["401"] = Words("A bearer token is needed."),
                ["404"] = Words("There is no such subject."),
                ["503"] = Words("Nothing was collected yet, or too many take the stream."),
            },
        };
    }

    private static JsonObject Words(string text) => new()
    {
        ["description"] = text,
        ["content"] = new JsonObject
        {
            ["text/plain"] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } },
        },
    };
}
