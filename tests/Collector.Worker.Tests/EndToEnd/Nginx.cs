using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>A real nginx in front of an agent, with a configuration as its own documentation has it.</summary>
internal sealed class Nginx : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-nginx-").FullName;
    private readonly Process _process;

    /// <param name="locations">The blocks of its server.</param>
    public Nginx(string locations)
    {
        var socket = Path.Combine(_folder, "nginx.sock");
        var config = Path.Combine(_folder, "nginx.conf");
        var folders = string.Concat(new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }
            .Select(name => $"{name}_temp_path {_folder}/{name};\n"));
        File.WriteAllText(config, $$"""
            daemon off;
            master_process off;
            pid {{_folder}}/nginx.pid;
            error_log stderr;
            events { }
            http {
              access_log off;
              {{folders}}
              server {
                listen unix:{{socket}};
                {{locations}}
              }
            }

            """);
        var info = new ProcessStartInfo(Shell.Find("nginx")!, ["-e", "stderr", "-c", config, "-p", _folder])
        {
            UseShellExecute = false, RedirectStandardError = true,
        };
        _process = Process.Start(info)!;
        var said = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        _process.ErrorDataReceived += (_, e) => said.Enqueue(e.Data);
        _process.BeginErrorReadLine();
        // Until it listens, or says why it does not.
        for (var i = 0; i < 600 && !File.Exists(socket); i++, Thread.Sleep(50))
            _process.HasExited.ShouldBeFalse(string.Join('\n', said));
        Client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectCallback = async (_, stop) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), stop);
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        {
            BaseAddress = new("http://ops.example/"), Timeout = TimeSpan.FromSeconds(60),
        };
    }

    /// <summary>Asks it under the name ops.example.</summary>
    public HttpClient Client { get; }

    /// <summary>The answer's text, which has to be there.</summary>
    public string Get(string path)
    {
        using var answer = Client.GetAsync(path).GetAwaiter().GetResult();
        var text = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, $"{path}: {text}");
        return text;
    }

    public void Dispose()
    {
        Client.Dispose();
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
