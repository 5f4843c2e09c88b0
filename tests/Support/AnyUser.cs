using System.Diagnostics;

namespace Collector.Tests.Support;

/// <summary>
/// What a user without any rights on the node can make, by itself alone: network namespaces of user namespaces, and
/// devices in them. All of it ends with the object.
/// </summary>
internal sealed class AnyUser : IDisposable
{
    /// <summary>A command runs without any rights behind it.</summary>
    public static readonly string[] Unprivileged =
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

    private readonly Process _shell;
    private int _asked;
    private bool _ended;

    private AnyUser(params string[] command)
    {
        _shell = Shell.Start([.. command, "sh", "-s"]);
        Do(":");
    }

    /// <summary>Root's own namespace without a mount, for comparison.</summary>
    public static AnyUser OfRoot() => new("unshare", "-n");

    /// <summary>A shell on the node itself.</summary>
    public static AnyUser OfHost() => new(Unprivileged);

    /// <summary>A shell in a network namespace of its own, in which it is root.</summary>
    public static AnyUser InNamespace() => new([.. Unprivileged, "unshare", "-Urn"]);

    /// <summary>
    /// The same of user 0 without any right of root, as in a container: there it may map no user (since Linux 5.12).
    /// </summary>
    public static AnyUser InNamespaceOfContainer() =>
        new("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "unshare", "-Un", "--keep-caps");

    /// <summary>A shell with as many network namespaces, a process in each.</summary>
    public static AnyUser WithNamespaces(int count)
    {
        var user = new AnyUser(Unprivileged);
        user.Unshare(count);
        return user;
    }

    public int Pid => _shell.Id;

    /// <summary>Runs code on a thread inside the shell's network namespace.</summary>
    public T Inside<T>(Func<T> code) => TestNetns.Inside($"/proc/{Pid}/ns/net", code);

    /// <summary>Inode of the network namespace that the shell is in.</summary>
    public ulong Inode => ulong.Parse(Shell.Run("stat", "-L", "-c", "%i", $"/proc/{Pid}/ns/net").Trim());

    /// <summary>Makes more namespaces, each with a process that sleeps; waits until they are there.</summary>
    public void Unshare(int count) => Sleep(count, "unshare -Urn");

    /// <summary>Starts processes that sleep.</summary>
    public void Fork(int count) => Sleep(count, "");

    private void Sleep(int count, string by)
    {
        var wanted = Sleepers().Length + count;
        Start(count, $"{by} sleep 600");
        for (var i = 0; i < 1000 && Sleepers().Length < wanted; i++)
            Thread.Sleep(50);
        if (Sleepers().Length != wanted)
            throw new TimeoutException($"{Sleepers().Length} processes instead of {wanted}");
    }

    /// <summary>Starts a command that many times, without waiting for it.</summary>
    public void Start(int count, string command) =>
        Do($"for i in $(seq {count}); do {command} </dev/null >/dev/null 2>&1 & done");

    /// <summary>Ends processes of that many namespaces, the oldest first.</summary>
    public void End(int count)
    {
        var pids = string.Join(' ', Sleepers()[..count]);
        Do($"kill {pids}; wait {pids}");
    }

    // In the order of their birth.
    private int[] Sleepers() => [.. File.ReadAllText($"/proc/{Pid}/task/{Pid}/children")
        .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).Where(IsSleeper).Order()];

    private static bool IsSleeper(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm") == "sleep\n";
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Makes pairs of devices, <c>PREFIX1</c> and so on.</summary>
    public void AddPairs(string prefix, int count) => Do(
        $"for i in $(seq {count}); do echo link add {prefix}$i type veth peer name p{prefix}$i; done | ip -b -");

    /// <summary>Runs a command to its end.</summary>
    public void Do(string command)
    {
        var mark = $"done {++_asked}";
        _shell.StandardInput.WriteLine($"{command}; echo {mark}");
        _shell.StandardInput.Flush();
        string? line;
        do
        {
            line = _shell.StandardOutput.ReadLine()
                ?? throw new InvalidOperationException(_shell.StandardError.ReadToEnd());
        }
        while (line != mark);
    }

    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        _shell.Kill(entireProcessTree: true);
        _shell.WaitForExit();
        _shell.Dispose();
    }
}
