using System.Globalization;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;

namespace Collector.Linux.Tests.Namespaces;

/// <summary>Discovery in a /proc that is made of folders and links, as if it were another pid namespace's.</summary>
public sealed class ForeignProcTests : IDisposable
{
    private readonly string _proc = Directory.CreateTempSubdirectory("netlens-test-").FullName;

    public ForeignProcTests()
    {
        Directory.CreateDirectory($"{_proc}/4711");
        File.WriteAllText($"{_proc}/4711/mountinfo", "");
        Directory.CreateSymbolicLink($"{_proc}/self", "4711");
        // A process id of the reader's own namespace, where ids are few.
        File.WriteAllText($"{_proc}/loadavg", "0.00 0.00 0.00 1/1 2\n");
    }

    [Fact]
    public void Births_are_found_at_once_although_the_last_process_id_is_that_of_another_pid_namespace()
    {
        Directory.CreateDirectory($"{_proc}/4711/ns");
        AddProcess(1);
        using var host = new LinuxHost(new KernelPaths(_proc));
        host.Refresh(1);
        host.Refresh(2);
        var born = Enumerable.Range(5000, 600).Select(AddProcess).ToArray();
        host.Refresh(3);
        born.Count(inode => host.Namespaces.Find(inode) is null).ShouldBe(0);
    }

    [Fact]
    public void A_namespace_that_cannot_be_opened_is_counted_once_whatever_lives_in_it_and_one_that_is_gone_is_not()
    {
        AddProcess(1);
        // What is opened is not what the link said: another namespace each time.
        foreach (var pid in (int[])[10, 11, 12])
        {
            File.WriteAllText($"{Ns(pid)}/net:[5]", "");
            File.CreateSymbolicLink($"{Ns(pid)}/net", "net:[5]");
        }
        File.CreateSymbolicLink($"{Ns(13)}/net", "net:[6]");
        using var host = new LinuxHost(new KernelPaths(_proc));
        host.Refresh(1);
        host.Namespaces.Unreadable.ShouldBe(1);
    }

    private string Ns(int pid) => Directory.CreateDirectory($"{_proc}/{pid}/ns").FullName;

    private ulong AddProcess(int pid)
    {
        var file = $"{Ns(pid)}/new";
        File.WriteAllText(file, "");
        ulong inode;
        using (var fd = SafeFd.Open(file))
            inode = fd.Inode();
        var name = string.Create(CultureInfo.InvariantCulture, $"net:[{inode}]");
        File.Move(file, $"{Ns(pid)}/{name}");
        File.CreateSymbolicLink($"{Ns(pid)}/net", name);
        return inode;
    }

    public void Dispose() => Directory.Delete(_proc, recursive: true);
}
