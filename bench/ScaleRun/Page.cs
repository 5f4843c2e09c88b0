using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Collector.ScaleRun;

/// <summary>An answer to a scrape.</summary>
/// <param name="Text">The page.</param>
/// <param name="Milliseconds">From the connection to the last byte.</param>
/// <param name="Bytes">As received.</param>
internal sealed record Page(string Text, double Milliseconds, int Bytes)
{
    /// <summary>Lines that are series.</summary>
    public int Series => Text.AsSpan().Count('\n') - Text.Split('\n').Count(l => l.StartsWith('#'));

    /// <summary>The value of the only series of that name.</summary>
    /// <exception cref="IOException">There is none, or there are several.</exception>
    public double Single(string name)
    {
        var lines = Lines(name).ToList();
        return lines.Count == 1 ? Value(lines[0]) : throw new IOException($"the page has {lines.Count} series {name}");
    }

    /// <summary>How much the only series of that name has grown.</summary>
    public double Since(Page before, string name) => Single(name) - before.Single(name);

    /// <summary>Collections that Netlens had made.</summary>
    public double Collections => By("netlens_probe", "netlens_probe_collections_total").Values.Max();

    /// <summary>Value by the label's value, for every series of that name.</summary>
    public Dictionary<string, double> By(string label, string name)
    {
        var values = new Dictionary<string, double>();
        foreach (var line in Lines(name))
        {
            var from = line.IndexOf($"{label}=\"", StringComparison.Ordinal) + label.Length + 2;
            values[line[from..line.IndexOf('"', from)]] = Value(line);
        }
        return values.Count > 0 ? values : throw new IOException($"the page has no series {name}");
    }

    private IEnumerable<string> Lines(string name) => Text.Split('\n').Where(l =>
        l.StartsWith(name, StringComparison.Ordinal) && l.Length > name.Length && (l[name.Length] is '{' or ' '));

    private static double Value(string line)
    {
        var rest = line[(line.LastIndexOf('}') + 1)..];
        var words = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return double.Parse(
            line.Contains('}', StringComparison.Ordinal) ? words[0] : words[1], CultureInfo.InvariantCulture);
    }
}

/// <summary>
/// Scrapes as Prometheus would, but with a new connection each time and without compression unless asked.
/// </summary>
internal static class Scraper
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { UseProxy = false })
    {
        Timeout = TimeSpan.FromSeconds(60),
    };

    /// <exception cref="HttpRequestException">No answer, or not 200.</exception>
    public static async Task<Page> Get(int port, bool gzip = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}/metrics");
        request.Headers.ConnectionClose = true;
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse("text/plain;version=0.0.4"));
        if (gzip)
            request.Headers.AcceptEncoding.Add(new("gzip"));
        var start = Stopwatch.GetTimestamp();
        using var response = await Client.SendAsync(request);
        response.EnsureSuccessStatusCode();
        var body = await response.Content.ReadAsByteArrayAsync();
        var elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (gzip && !response.Content.Headers.ContentEncoding.Contains("gzip"))
            throw new HttpRequestException("asked for gzip, got none");
        return new Page(gzip ? "" : Encoding.UTF8.GetString(body), elapsed, body.Length);
    }
}
