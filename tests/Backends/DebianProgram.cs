using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Backends.Tests;

/// <summary>A server out of a Debian package, with a configuration, ports and a folder of its own.</summary>
internal sealed class DebianProgram : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-server-");
    private readonly Process _process;

    /// <param name="package">Name of the package; null: it is installed.</param>
    /// <param name="path">The program in it, or where it is.</param>
    /// <param name="configuration">Made from the folder that it may write to.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="arguments">Before the path of the configuration.</param>
    public DebianProgram(
        string? package, string path, Func<string, string> configuration, int port, params string[] arguments)
    {
        var fetch = Path.Combine(Repository.Root, "tools", "debian-package");
        var program = package is null ? path : Path.Combine(Shell.Run(fetch, package, "bookworm").Trim(), path);
        var file = Path.Combine(_folder.FullName, "server.conf");
        File.WriteAllText(file, configuration(_folder.FullName));
        _process = Process.Start(new ProcessStartInfo(program, [.. arguments, file])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        _process.ErrorDataReceived += Note;
        _process.OutputDataReceived += Note;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        Await(port);
    }

    /// <summary>What it said.</summary>
    public List<string> Output { get; } = [];

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public string Read(string file) => File.ReadAllText(Path.Combine(_folder.FullName, file));

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private void Note(object sender, DataReceivedEventArgs line)
    {
        lock (Output)
            Output.Add(line.Data ?? "");
    }

    private void Await(int port)
    {
        for (var i = 0; i < 300; i++, Thread.Sleep(50))
        {
            _process.HasExited.ShouldBeFalse(string.Join('\n', Output));
            using var client = new TcpClient();
            try
            {
                client.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                // It is starting.
            }
        }
        throw new TimeoutException("it does not listen");
    }
}
