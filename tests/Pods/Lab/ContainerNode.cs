using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Collector.Tests.Support;
using static Tmds.Linux.LibC;

namespace Pods.Tests.Lab;

/// <summary>
/// A node with a real container runtime (tests/Pods/node): namespaces of its own, so that its process 1 and its network
/// are "the host" for the agent that runs in it.
/// </summary>
internal sealed class ContainerNode : IDisposable
{
    public static readonly string Script = Path.Combine(Repository.Root, "tests", "Pods", "node");
    private const string Prefix = "nl-";
    private static int _number;
    private Kubelet? _kubelet;

    private ContainerNode(string folder, string programs)
    {
        Folder = folder;
        Shell.Run([Script, "up", folder, .. programs.Length > 0 ? [programs] : Array.Empty<string>()]);
        InitId = int.Parse(File.ReadAllText(Path.Combine(folder, "init.pid")));
        AppDomain.CurrentDomain.ProcessExit += DownAtExit;
    }

    public string Folder { get; }

    public string Socket => Path.Combine(Folder, "containerd.sock");

    /// <summary>The node's process 1, by its number outside.</summary>
    public int InitId { get; }

    /// <summary>The node's root of cgroups, as seen from outside.</summary>
    public string Cgroup => File.ReadAllText(Path.Combine(Folder, "cgroup")).Trim();

    public Kubelet Kubelet => _kubelet ??= new Kubelet(this);

    /// <summary>A node with the installed containerd, or with the one of a suite of Debian.</summary>
    public static ContainerNode Start(string suite = "")
    {
        var node = new ContainerNode(NewFolder(), suite.Length == 0 ? "" : Unpack(suite));
        node.AwaitRuntime();
        return node;
    }

    /// <summary>A node without a runtime.</summary>
    public static ContainerNode StartBare() => new(NewFolder(), "none");

    /// <summary>Runs a program in the node to its end and returns its output; throws when it fails.</summary>
    public string Run(params string[] command) => Shell.Run([Script, "exec", Folder, .. command]);

    /// <summary>Runs a program in the node to its end.</summary>
    public (int Code, string Output, string Error) Try(params string[] command) =>
        Shell.Try([Script, "exec", Folder, .. command]);

    /// <summary>How to start a program in the node; killing its tree ends it.</summary>
    public ProcessStartInfo StartInfo(params string[] command) => new(Script, ["exec", Folder, .. command])
    {
        UseShellExecute = false,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };

    /// <summary>Inode of the network namespace of a process, by its number in the node.</summary>
    public ulong NetnsOf(int pid) => ulong.Parse(Run("stat", "-L", "-c", "%i", $"/proc/{pid}/ns/net").Trim());

    /// <summary>Kills containerd alone: the pods and their shims go on.</summary>
    public void KillRuntime() => Shell.Run(Script, "stop", Folder);

    public void StartRuntime()
    {
        Shell.Run(Script, "start", Folder);
        AwaitRuntime();
    }

    // It answers others before it answers kubelets.
    private void AwaitRuntime() => Wait.Until(() => Kubelet.IsServed, "containerd's CRI");

    /// <summary>An HTTP client whose 127.0.0.1 is the node's.</summary>
    public HttpClient Http() => new(new SocketsHttpHandler { ConnectCallback = ConnectInsideAsync, UseProxy = false });

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= DownAtExit;
        _kubelet?.Dispose();
        Shell.Run(Script, "down", Folder);
    }

    private void DownAtExit(object? sender, EventArgs e) => Shell.Try(Script, "down", Folder);

    private static string NewFolder()
    {
        // A run that was killed could not clean up; the folder's name has its process id.
        foreach (var left in Directory.EnumerateDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            var owner = Path.GetFileName(left).Split('-')[1];
            if (File.Exists(Path.Combine(left, "init.pid")) && !Directory.Exists("/proc/" + owner))
                Shell.Try(Script, "down", left);
        }
        var number = Interlocked.Increment(ref _number);
        return Path.Combine(Path.GetTempPath(), $"{Prefix}{Environment.ProcessId}-{number}");
    }

    private static string Unpack(string suite)
    {
        var fetch = Path.Combine(Repository.Root, "tools", "debian-package");
        return Path.Combine(Shell.Run(fetch, "containerd", suite).Trim(), "usr", "bin");
    }

    private async ValueTask<Stream> ConnectInsideAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        // A socket belongs to the namespace of the thread that makes it; afterwards any thread may use it.
        var socket = Inside(static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, context.DnsEndPoint.Port), stop);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Runs code on a thread of its own in the node's network namespace.</summary>
    private T Inside<T>(Func<T> code)
    {
        var result = default(T);
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle($"/proc/{InitId}/ns/net");
                if (setns((int)file.DangerousGetHandle(), CLONE_NEWNET) != 0)
                    throw new InvalidOperationException("setns: " + Marshal.GetLastPInvokeErrorMessage());
                result = code();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }
}
