using System.Diagnostics;
using System.Text.Json;
using Collector.Worker.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Http;

/// <summary>The stream as programs that others wrote take it.</summary>
public sealed class EventClientsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-browser-").FullName;
    private Process? _process;

    [ToolFact("curl", "curl")]
    public async Task Curl_prints_each_line_as_it_comes()
    {
        await using var server = await HttpServerFixture.StartAsync(recent: 100);
        server.Http.Ring.Append([Plain(1)]);
        Start("curl", "-sSN", "--fail", new Uri(server.Address, "/events?since=0").ToString());
        for (var i = 1; i <= 3; i++)
        {
            var line = await _process!.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            JsonDocument.Parse(line!).RootElement.GetProperty("seq").GetInt32().ShouldBe(i);
            server.Http.Ring.Append([Plain(i + 1)]);
        }
    }

    [ToolFact("curl", "curl")]
    public async Task Curl_ends_well_when_the_server_does()
    {
        await using var server = await HttpServerFixture.StartAsync(recent: 100);
        Start("curl", "-sSN", "--fail", new Uri(server.Address, "/events?format=sse").ToString());
        while (server.Http.Ring.Readers.Now == 0)
            await Task.Delay(20);
        await server.StopAsync();
        await _process!.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        _process.ExitCode.ShouldBe(0);
    }

    /// <summary>
    /// The page reads to the end of what it asked for, three events. Then the browser connects again by itself, says
    /// what it had last, and gets those behind it.
    /// </summary>
    [ToolFact("chromium-headless-shell", "chromium-headless-shell")]
    public async Task A_browser_gets_every_event_once_and_goes_on_by_itself()
    {
        var reported = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await HttpServerFixture.StartAsync(recent: 100, also: app =>
        {
            app.MapGet("/page", context =>
            {
                context.Response.ContentType = "text/html";
                return context.Response.WriteAsync("""
                    <!DOCTYPE html><script>
                    const got = [];
                    const events = new EventSource('/events?since=0&limit=3');
                    events.addEventListener('netlens.test.reset', e => {
                      got.push(e.lastEventId + ' ' + JSON.parse(e.data).message);
                      if (got.length == 6) { events.close(); fetch('/report?' + encodeURIComponent(got.join())); }
                    });
                    </script>
                    """);
            });
            app.MapGet("/report", context =>
            {
                reported.TrySetResult(Uri.UnescapeDataString(context.Request.QueryString.Value!));
                return Task.CompletedTask;
            });
        });
        for (var i = 1; i <= 7; i++)
            server.Http.Ring.Append([Plain(i)]);

        Start(
            "chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
            $"--user-data-dir={_folder}", new Uri(server.Address, "/page").ToString());

        (await reported.Task.WaitAsync(TimeSpan.FromMinutes(2)))
            .ShouldBe("?" + string.Join(',', Enumerable.Range(1, 6).Select(i => $"{i} number {i}")));
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private void Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
    }
}
