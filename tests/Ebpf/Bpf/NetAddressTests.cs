using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>Where the kernel keeps each namespace, found by a program that follows its descriptor.</summary>
public sealed class NetAddressTests : IDisposable
{
    private readonly LinuxHost _host = new(new KernelPaths(), new BpfOptions
    {
        BtfFolder = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "",
    });

    [RequiresBpfFact]
    public void Each_namespace_has_an_address_of_its_own_for_as_long_as_it_is_held()
    {
        // More than the program takes at once.
        var made = Enumerable.Range(0, 35).Select(_ => new TestNetns()).ToList();
        try
        {
            _host.Refresh(0);
            _host.Addresses.Start(this).ShouldBeTrue(_host.Addresses.Failure);
            var first = Addresses(made);
            first.ShouldAllBe(a => a != 0);
            var host = _host.Namespaces.Host;
            host.NetAddress.ShouldNotBe(0UL);
            first.Append(host.NetAddress).ShouldBeUnique();

            var gone = _host.Namespaces.Find(made[3].Inode)!;
            made[3].Dispose();
            made[3] = new TestNetns();
            _host.Refresh(0);
            gone.NetAddress.ShouldBe(0UL);
            var then = Addresses(made);
            then.ShouldAllBe(a => a != 0);
            then.Where((_, i) => i != 3).ShouldBe(first.Where((_, i) => i != 3));
            _host.Addresses.Failure.ShouldBeEmpty();
        }
        finally
        {
            made.ForEach(n => n.Dispose());
        }
    }

    private ulong[] Addresses(List<TestNetns> namespaces) =>
        [.. namespaces.Select(n => _host.Namespaces.Find(n.Inode)!.NetAddress)];

    public void Dispose() => _host.Dispose();
}
