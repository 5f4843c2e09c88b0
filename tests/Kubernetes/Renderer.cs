using System.Diagnostics;
using System.Text.Json.Nodes;
using Collector.Tests.Support;

namespace Kubernetes.Tests;

/// <summary>A test that renders the chart. Skipped only where this machine proves that it cannot.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RendererFactAttribute : FactAttribute
{
    public RendererFactAttribute() => Skip = Renderer.WhyNot.Value;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RendererTheoryAttribute : TheoryAttribute
{
    public RendererTheoryAttribute() => Skip = Renderer.WhyNot.Value;
}

/// <summary>What Helm would make of the chart: render/main.go.</summary>
internal static class Renderer
{
    public static readonly string Folder = Path.Combine(Repository.Root, "packaging", "kubernetes");

    public static readonly Lazy<string?> WhyNot = new(static () =>
        Shell.Try(Script, "--check") is (not 0, _, var error) ? error.Trim() : null);

    private static readonly Lazy<string> Program = new(static () =>
    {
        using var build = Shell.Start(Script);
        var error = build.StandardError.ReadToEndAsync();
        var path = build.StandardOutput.ReadToEnd().Trim();
        build.WaitForExit();
        build.ExitCode.ShouldBe(0, error.GetAwaiter().GetResult());
        return path;
    });

    private static string Script => Path.Combine(Repository.Root, "tests", "Kubernetes", "build-render");

    private static string Schemas => Path.Combine(Repository.Root, "tests", "Kubernetes", "Schemas", "kubernetes.json");

    /// <summary>The chart's objects with these values (YAML) over its own, in the namespace netlens.</summary>
    /// <exception cref="InvalidOperationException">The chart refuses them.</exception>
    public static Rendered Chart(string values = "{}", string release = "netlens", string? folder = null)
    {
        var json = JsonNode.Parse(Run(values, "chart", folder ?? Path.Combine(Folder, "chart"), release, "netlens"))!;
        return new Rendered(ObjectsOf(json), json["notes"]!.GetValue<string>());
    }

    /// <summary>The objects of the plain manifests.</summary>
    public static IReadOnlyList<JsonObject> Plain() =>
        ObjectsOf(JsonNode.Parse(Run("", "plain", Path.Combine(Folder, "netlens.yaml")))!);

    /// <summary>What a recorded schema of Kubernetes objects to; null when nothing.</summary>
    public static string? Objection(JsonObject thing)
    {
        try
        {
            Run(thing.ToJsonString(), "check", Schemas, DefinitionOf(thing));
            return null;
        }
        catch (InvalidOperationException e)
        {
            return e.Message;
        }
    }

    private static string DefinitionOf(JsonObject thing)
    {
        var (version, kind) = (thing["apiVersion"]!.GetValue<string>(), thing["kind"]!.GetValue<string>());
        return version switch
        {
            "v1" => $"io.k8s.api.core.v1.{kind}",
            "apps/v1" => $"io.k8s.api.apps.v1.{kind}",
            _ => $"{version.Replace('/', '.')}.{kind}",
        };
    }

    private static IReadOnlyList<JsonObject> ObjectsOf(JsonNode json) =>
        [.. json["objects"]!.AsArray().Select(o => o!.AsObject())];

    private static string Run(string input, params string[] arguments)
    {
        using var process = Shell.Start([Program.Value, .. arguments]);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output.GetAwaiter().GetResult()
            : throw new InvalidOperationException(error.GetAwaiter().GetResult().Trim());
    }
}

/// <param name="Objects">In the order of the chart's files.</param>
/// <param name="Notes">What is printed after an installation.</param>
internal sealed record Rendered(IReadOnlyList<JsonObject> Objects, string Notes)
{
    public JsonObject Of(string kind) => Objects.Single(o => o["kind"]!.GetValue<string>() == kind);

    public JsonObject Pod => Of("DaemonSet")["spec"]!["template"]!["spec"]!.AsObject();

    public JsonObject Container => Pod["containers"]!.AsArray().ShouldHaveSingleItem()!.AsObject();

    /// <summary>The agent's file.</summary>
    public string Configuration => Of("ConfigMap")["data"]!["netlens.yaml"]!.GetValue<string>();
}
