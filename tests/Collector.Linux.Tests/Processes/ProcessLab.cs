using System.Diagnostics;
using System.Globalization;

namespace Collector.Linux.Tests.Processes;

/// <summary>
/// A process tree of its own: pid, mount and network namespaces with their own /proc, in which a worker does exactly
/// what it is told. Nothing else runs there, so figures can be compared to the last call.
/// </summary>
internal sealed class ProcessLab : IDisposable
{
    private const string Worker = """
        import ctypes, os, resource, signal, socket, threading
        libc = ctypes.CDLL(None)
        null = os.open('/dev/null', os.O_WRONLY)
        kept = []
        def say(text): os.write(1, (text + '\n').encode())
        def line():
            text = b''
            while not text.endswith(b'\n'):
                c = os.read(0, 1)
                if not c: os._exit(0)
                text += c
            return text.decode().split()
        def write(n):
            for _ in range(n): os.write(null, b'0123456789')
        def fork():
            pid = os.fork()
            if pid == 0:
                say('ok')
                serve()
                os._exit(0)
            return pid
        def reap():
            try:
                while True: os.waitpid(-1, 0)
            except ChildProcessError: pass
        def orphan():
            r, w = os.pipe()
            if os.fork() == 0:
                os.close(r)
                if os.fork() == 0:
                    while os.getppid() != 1: pass
                    say('ok')
                    serve()
                    os._exit(0)
                os._exit(0)
            os.close(w)
            os.wait()
            os.read(r, 1)
            os.close(r)
        def serve():
            while True:
                command, *args = line()
                if command == 'write': write(int(args[0]))
                elif command == 'fork': fork(); reap()
                elif command == 'orphan': orphan(); reap()
                elif command == 'burst':
                    for _ in range(int(args[0])):
                        if os.fork() == 0:
                            write(int(args[1]))
                            os._exit(0)
                    reap()
                elif command == 'ignore': signal.signal(signal.SIGCHLD, signal.SIG_IGN)
                elif command == 'thread':
                    for _ in range(int(args[0])):
                        t = threading.Thread(target=write, args=(int(args[1]),))
                        t.start(); t.join()
                elif command == 'idle':
                    for _ in range(int(args[0])):
                        threading.Thread(target=threading.Event().wait, daemon=True).start()
                elif command == 'outlive':
                    # Serves on in a thread, and ends the main one (SYS_exit is not exit_group).
                    threading.Thread(target=lambda: (say('ok'), serve(), os._exit(0))).start()
                    libc.syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
                elif command == 'open': kept.extend(os.open('/dev/null', os.O_RDONLY) for _ in range(int(args[0])))
                elif command == 'socket': kept.extend(socket.socket() for _ in range(int(args[0])))
                elif command == 'limit': resource.setrlimit(resource.RLIMIT_NOFILE, (int(args[0]), int(args[0])))
                elif command == 'nextpid':
                    with open('/proc/sys/kernel/ns_last_pid', 'w') as f: f.write(str(int(args[0]) - 1))
                elif command == 'netns': libc.unshare(0x40000000)
                elif command == 'cgroup':
                    with open(args[0] + '/cgroup.procs', 'w') as f: f.write('0')
                elif command == 'exit': return
                say('ok')
        say('ok')
        serve()
        """;

    private readonly Process _unshare;

    public ProcessLab()
    {
        string[] words = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "/usr/bin/python3", "-c", Worker];
        _unshare = Process.Start(new ProcessStartInfo("unshare", words)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Expect("ok");
        var children = File.ReadAllText($"/proc/{_unshare.Id}/task/{_unshare.Id}/children");
        Pid = int.Parse(children.Trim(), CultureInfo.InvariantCulture);
    }

    /// <summary>The worker's process id as the machine sees it; in the lab it is 1.</summary>
    public int Pid { get; }

    /// <summary>The lab's /proc.</summary>
    public string Proc => $"/proc/{Pid}/root/proc";

    /// <summary>Gives the innermost worker a command and waits until it is done.</summary>
    public void Do(string command)
    {
        _unshare.StandardInput.Write(command + "\n");
        _unshare.StandardInput.Flush();
        Expect("ok");
        WaitUntilAsleep();
    }

    // The kernel counts a write after it has woken who reads what was written: a worker that is not yet waiting for
    // its next command may still have its answer to count.
    private void WaitUntilAsleep()
    {
        for (var i = 0; i < 2000 && Pids.Any(IsRunning); i++)
            Thread.Sleep(1);
    }

    // "123 (comm) S ..."
    private bool IsRunning(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"{Proc}/{pid}/stat");
            return stat.AsSpan(stat.LastIndexOf(')') + 2) is ['R' or 'D', ..];
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Ids of the lab's processes, in the lab's numbers.</summary>
    public IEnumerable<int> Pids => Directory.GetDirectories(Proc).Select(Path.GetFileName)
        .Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!, CultureInfo.InvariantCulture));

    /// <summary>A line of /proc/PID/io, read with cat.</summary>
    public long Io(int pid, string name)
    {
        var text = Run("cat", $"{Proc}/{pid}/io");
        return long.Parse(
            text.Split('\n').Single(l => l.StartsWith(name + ":", StringComparison.Ordinal)).Split(' ')[1],
            CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// The same summed over the lab's live processes: with every child reaped, all that ever happened in it.
    /// </summary>
    public long Io(string name) => Pids.Sum(pid => Io(pid, name));

    public static ulong NetNamespaceOf(string processFolder) =>
        ulong.Parse(Run("readlink", $"{processFolder}/ns/net").Trim()[5..^1], CultureInfo.InvariantCulture);

    public static string Run(string file, params string[] args)
    {
        var start = new ProcessStartInfo(file, args) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, $"{file} {string.Join(' ', args)}");
        return output;
    }

    private void Expect(string word)
    {
        var line = _unshare.StandardOutput.ReadLine();
        line.ShouldBe(word, "the worker ended early");
    }

    public void Dispose()
    {
        _unshare.StandardInput.Close();
        _unshare.WaitForExit();
        _unshare.Dispose();
    }
}
