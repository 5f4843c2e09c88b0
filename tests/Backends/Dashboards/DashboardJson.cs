using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Backends.Tests.Dashboards;

/// <summary>A dashboard as Grafana imports it (JSON model, schema version 39: Grafana 10 and later).</summary>
internal static class DashboardJson
{
    private const int Height = 8;
    private const int StatHeight = 4;

    /// <summary>Labels that may tell nodes apart, the one of scraped agents first.</summary>
    public static IReadOnlyList<string> NodeLabels { get; } = ["instance", "host_name", "k8s_node_name", "node"];

    // From any of them to the others, time and variables kept.
    private const string Links = """
        [{
          "title": "Netlens", "type": "dashboards", "icon": "external link", "tooltip": "", "url": "",
          "tags": ["netlens"], "asDropdown": true, "targetBlank": false, "includeVars": true, "keepTime": true
        }]
        """;

    // And one column per query.
    private const string OneRowPerSeries = """
        [
          { "id": "merge", "options": {} },
          { "id": "organize", "options": { "excludeByName": { "Time": true } } }
        ]
        """;

    public static string Write(Dashboard dashboard)
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var json = new Utf8JsonWriter(buffer, options))
            Write(json, dashboard);
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, Dashboard dashboard)
    {
        json.WriteStartObject();
        json.WriteString("uid", dashboard.Id);
        json.WriteString("title", dashboard.Title);
        json.WriteString("description", dashboard.Description);
        Strings(json, "tags", ["netlens"]);
        json.WriteString("timezone", "browser");
        json.WriteBoolean("editable", true);
        json.WriteNumber("graphTooltip", 1);
        json.WriteNumber("schemaVersion", 39);
        json.WriteNumber("version", 1);
        json.WriteString("refresh", "30s");
        json.WriteStartObject("time");
        json.WriteString("from", "now-1h");
        json.WriteString("to", "now");
        json.WriteEndObject();
        json.WriteStartObject("annotations");
        json.WriteStartArray("list");
        json.WriteEndArray();
        json.WriteEndObject();
        Write(json, "links", Links);
        WriteVariables(json, dashboard);
        WritePanels(json, dashboard);
        json.WriteEndObject();
    }

    private static void WriteVariables(Utf8JsonWriter json, Dashboard dashboard)
    {
        json.WriteStartObject("templating");
        json.WriteStartArray("list");
        Begin(json, "datasource", "datasource", "Data source");
        json.WriteString("query", "prometheus");
        json.WriteNumber("refresh", 1);
        json.WriteEndObject();
        if (dashboard.ByNodeLabel)
        {
            Begin(json, "custom", "nodelabel", "Nodes by label");
            json.WriteString("query", string.Join(',', NodeLabels));
            Option(json, "current", NodeLabels[0], NodeLabels[0]);
            json.WriteStartArray("options");
            foreach (var label in NodeLabels)
                Option(json, null, label, label);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        foreach (var variable in dashboard.Variables)
            Write(json, variable);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Variable variable)
    {
        Begin(json, "query", variable.Name, variable.Label);
        DataSource(json);
        json.WriteString("query", $"label_values({variable.Metric}, {variable.ValuesOf})");
        json.WriteNumber("refresh", 2);
        json.WriteNumber("sort", 1);
        json.WriteBoolean("multi", true);
        json.WriteBoolean("includeAll", true);
        // Also what has no such label: namespaces that are no pods'.
        json.WriteString("allValue", ".*");
        Option(json, "current", "All", "$__all");
        json.WriteEndObject();
    }

    private static void Begin(Utf8JsonWriter json, string type, string name, string label)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString("name", name);
        json.WriteString("label", label);
        json.WriteNumber("hide", 0);
    }

    private static void Option(Utf8JsonWriter json, string? property, string text, string value)
    {
        if (property is null)
            json.WriteStartObject();
        else
            json.WriteStartObject(property);
        json.WriteBoolean("selected", true);
        json.WriteString("text", text);
        json.WriteString("value", value);
        json.WriteEndObject();
    }

    private static void WritePanels(Utf8JsonWriter json, Dashboard dashboard)
    {
        json.WriteStartArray("panels");
        var (id, y) = (0, 0);
        foreach (var section in dashboard.Sections)
        {
            json.WriteStartObject();
            json.WriteNumber("id", ++id);
            json.WriteString("type", "row");
            json.WriteString("title", section.Title);
            json.WriteBoolean("collapsed", false);
            Place(json, 0, y++, 24, 1);
            json.WriteStartArray("panels");
            json.WriteEndArray();
            json.WriteEndObject();
            var (x, tallest) = (0, 0);
            foreach (var panel in section.Panels)
            {
                var height = panel.Kind == PanelKind.Stat ? StatHeight : Height;
                if (x + panel.Width > 24)
                    (x, y, tallest) = (0, y + tallest, 0);
                Write(json, panel, ++id, x, y, height);
                x += panel.Width;
                tallest = Math.Max(tallest, height);
            }
            y += tallest;
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, Panel panel, int id, int x, int y, int height)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("type", panel.Kind.ToString().ToLowerInvariant());
        json.WriteString("title", panel.Title);
        json.WriteString("description", panel.Description);
        Place(json, x, y, panel.Width, height);
        DataSource(json);
        WriteField(json, panel);
        Write(json, "options", OptionsOf(panel.Kind));
        if (panel.Kind == PanelKind.Table)
            Write(json, "transformations", OneRowPerSeries);
        json.WriteStartArray("targets");
        for (var i = 0; i < panel.Queries.Length; i++)
            Write(json, panel, panel.Queries[i], (char)('A' + i));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Panel panel, Query query, char id)
    {
        var range = panel.Kind is PanelKind.TimeSeries or PanelKind.Heatmap;
        json.WriteStartObject();
        json.WriteString("refId", id.ToString());
        DataSource(json);
        json.WriteString("editorMode", "code");
        json.WriteString("expr", query.Text);
        json.WriteString("legendFormat", query.Legend.Length > 0 ? query.Legend : "__auto");
        json.WriteBoolean("range", range);
        json.WriteBoolean("instant", !range);
        json.WriteBoolean("exemplar", panel.Kind == PanelKind.Heatmap);
        json.WriteString("format", panel.Kind switch
        {
            PanelKind.Table => "table",
            PanelKind.Heatmap => "heatmap",
            _ => "time_series",
        });
        json.WriteEndObject();
    }

    private static string OptionsOf(PanelKind kind) => kind switch
    {
        PanelKind.TimeSeries => """
            {
              "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] },
              "tooltip": { "mode": "multi", "sort": "desc" }
            }
            """,
        PanelKind.Stat => """
            {
              "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
              "textMode": "auto", "wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
              "reduceOptions": { "values": false, "calcs": ["lastNotNull"] }
            }
            """,
        // Queries give buckets.
        PanelKind.Heatmap => """
            {
              "calculate": false, "showValue": "never", "yAxis": { "unit": "s" }, "legend": { "show": true },
              "color": { "mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "exponent": 0.5, "steps": 64,
                "reverse": false },
              "tooltip": { "mode": "single" }, "exemplars": { "color": "rgba(255,0,255,0.7)" }
            }
            """,
        _ => """{ "frameIndex": 0, "showHeader": true }""",
    };

    private static void WriteField(Utf8JsonWriter json, Panel panel)
    {
        json.WriteStartObject("fieldConfig");
        json.WriteStartObject("defaults");
        json.WriteString("unit", panel.Unit);
        if (panel.Kind is not PanelKind.Table)
            json.WriteNumber("min", 0);
        if (panel.Red is { } red)
            WriteThresholds(json, panel, red);
        if (panel.Kind == PanelKind.TimeSeries)
        {
            json.WriteStartObject("custom");
            json.WriteNumber("fillOpacity", 10);
            json.WriteString("showPoints", "never");
            if (panel.Red is not null)
                Write(json, "thresholdsStyle", """{ "mode": "dashed" }""");
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteStartArray("overrides");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteThresholds(Utf8JsonWriter json, Panel panel, double red)
    {
        if (panel.Kind == PanelKind.Stat)
            Write(json, "color", """{ "mode": "thresholds" }""");
        var steps = FormattableString.Invariant(
            $$"""[{ "color": "green", "value": null }, { "color": "red", "value": {{red}} }]""");
        Write(json, "thresholds", $$"""{ "mode": "absolute", "steps": {{steps}} }""");
    }

    private static void Write(Utf8JsonWriter json, string name, string value)
    {
        json.WritePropertyName(name);
        JsonNode.Parse(value)!.WriteTo(json);
    }

    private static void DataSource(Utf8JsonWriter json)
    {
        json.WriteStartObject("datasource");
        json.WriteString("type", "prometheus");
        json.WriteString("uid", "${datasource}");
        json.WriteEndObject();
    }

    private static void Place(Utf8JsonWriter json, int x, int y, int width, int height)
    {
        json.WriteStartObject("gridPos");
        json.WriteNumber("x", x);
        json.WriteNumber("y", y);
        json.WriteNumber("w", width);
        json.WriteNumber("h", height);
        json.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
