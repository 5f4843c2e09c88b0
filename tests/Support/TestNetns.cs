using System.Diagnostics;
using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Collector.Tests.Support;

/// <summary>
/// A network namespace of a test's own, with a unique name, loopback up. Removed, with every process started in it,
/// when disposed.
/// </summary>
internal sealed class TestNetns : IDisposable
{
    private static int _number;
    private readonly List<Process> _processes = [];
    private readonly NamedNetns _netns;

    public TestNetns()
    {
        Name = $"netlens-t{Environment.ProcessId}-{Interlocked.Increment(ref _number)}";
        _netns = new NamedNetns(Name, NamedNetns.MakeReady);
    }

    /// <summary>Name under /run/netns.</summary>
    public string Name { get; }

    public string NsPath => _netns.Path;

    /// <summary>Inode number of the namespace: what readlink of /proc/&lt;pid&gt;/ns/net shows in brackets.</summary>
    public ulong Inode => _netns.Inode;

    /// <summary>Several commands of ip(8) inside by one program: on an emulated machine each takes its time.</summary>
    public void Ip(params string[] commands) =>
        Shell.Feed(string.Join('\n', commands) + "\n", "ip", "-n", Name, "-batch", "-");

    /// <summary>Runs a program inside to its end and returns its output; throws when it fails.</summary>
    public string Run(params string[] command) => Shell.Run(InHere(command));

    /// <summary>Runs a program inside to its end.</summary>
    public (int Code, string Output, string Error) Try(params string[] command) =>
        Shell.Try(InHere(command));

    /// <summary>Starts a program inside that runs until the namespace is disposed.</summary>
    public Process Start(params string[] command)
    {
        // ip execs the program, so the process id is the program's own.
        var process = Shell.Start(InHere(command));
        _processes.Add(process);
        return process;
    }

    /// <summary>Sets a sysctl: <c>net.ipv4.tcp_syncookies</c> style names.</summary>
    public void Sysctl(string name, string value) => Run("sysctl", "-q", "-w", $"{name}={value}");

    /// <summary>Runs code on a thread inside the namespace: sockets that it makes belong there for good.</summary>
    public T Inside<T>(Func<T> code) => Inside(NsPath, code);

    /// <summary>The same inside any namespace.</summary>
    public static T Inside<T>(string path, Func<T> code)
    {
        var result = default(T);
        NamedNetns.Apart(() =>
        {
            Enter(path);
            result = code();
        });
        return result!;
    }

    public void Inside(Action code) => Inside(() =>
    {
        code();
        return true;
    });

    // These two enter it by themselves: one program less to start.
    private string[] InHere(string[] command) => command[0] is "ip" or "tc"
        ? [command[0], "-n", Name, .. command[1..]]
        : ["ip", "netns", "exec", Name, .. command];

    private static void Enter(string path)
    {
        using var file = File.OpenHandle(path);
        if (setns((int)file.DangerousGetHandle(), CLONE_NEWNET) != 0)
            throw new InvalidOperationException($"setns {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }
        _processes.Clear();
        _netns.Dispose();
    }
}

/// <summary>Two namespaces joined by a veth pair, with IPv4 and IPv6 addresses that are usable at once.</summary>
internal sealed class TestNetnsPair : IDisposable
{
    /// <summary>Name of the interface on both sides.</summary>
    public const string Interface = "veth0";
    public const string LeftIPv4 = "192.0.2.1";
    public const string RightIPv4 = "192.0.2.2";
    public const string LeftIPv6 = "2001:db8::1";
    public const string RightIPv6 = "2001:db8::2";

    public TestNetnsPair()
    {
        Left = new TestNetns();
        try
        {
            Right = new TestNetns();
            Left.Inside(BeQuiet);
            Right.Inside(BeQuiet);
            var link = $"link add {Interface} type veth peer name {Interface} netns {Right.Name}";
            Left.Ip([link, .. Join(LeftIPv4, LeftIPv6)]);
            Right.Ip(Join(RightIPv4, RightIPv6));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public TestNetns Left { get; }

    public TestNetns Right { get; } = null!;

    // What IPv6 sends by itself, to groups that nobody at the other end is in, is over once the link is up: an emulated
    // machine is so slow that it would come while a test counts.
    private static void BeQuiet()
    {
        const string Default = "/proc/sys/net/ipv6/conf/default";
        File.WriteAllText($"{Default}/router_solicitations", "0");
        File.WriteAllText($"{Default}/mldv2_unsolicited_report_interval", "10");
    }

    // Without duplicate address detection an address is usable as soon as the link is up.
    private static string[] Join(string ipv4, string ipv6) =>
    [
        $"addr add {ipv4}/24 dev {Interface}", $"addr add {ipv6}/64 dev {Interface} nodad", $"link set {Interface} up",
    ];

    public void Dispose()
    {
        Left.Dispose();
        Right?.Dispose();
    }
}
