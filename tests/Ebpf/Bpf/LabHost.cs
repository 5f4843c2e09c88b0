using System.Net;
using Collector.Core.Subjects;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>This machine with a pod that nobody runs, so that whose each event is has to be looked up.</summary>
/// <param name="cgroups">Where the hierarchy of cgroups is mounted.</param>
/// <param name="handles">False: cgroups are found by a walk only.</param>
internal sealed class LabHost(string cgroups, bool handles) : ProbeHost, IDisposable
{
    private static readonly PodTable Table = new(
    [
        new Pod
        {
            Sandbox = "1", Names = new SubjectNames(null, "shop", "web-0", "0a1b2c3d"), Created = 1,
            Addresses = [IPAddress.Parse("192.0.2.1")],
        },
    ], 1);

    /// <summary>The machine itself, for its probes.</summary>
    public LinuxHost Machine { get; } = new(new KernelPaths(), new BpfOptions
    {
        BtfFolder = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "",
    });

    public override KernelPaths Paths => Machine.Paths;

    public override LimitSet Limits => Machine.Limits;

    public override long BootTime => Machine.BootTime;

    public override NamespaceRegistry Namespaces => Machine.Namespaces;

    public override BpfHost Bpf => Machine.Bpf;

    public override CollectedParts Parts => Machine.Parts;

    internal override NetAddresses Addresses => Machine.Addresses;

    internal override MibPass Mib => Machine.Mib;

    internal override ConntrackPass Conntracks => Machine.Conntracks;

    internal override SocketSource Sockets => Machine.Sockets;

    internal override ReadBuffer Buffer => Machine.Buffer;

    internal override PodWatcher Pods => Machine.Pods;

    internal override NamespaceOwners Owners => Machine.Owners;

    internal override SubjectNamer Namer => Machine.Namer;

    internal override EventOwners EventOwners { get; } =
        new(new KernelPaths(), new SubjectNamer(() => Table), new CgroupIds(cgroups, handles));

    internal override ProcessTable Processes => Machine.Processes;

    public void Dispose()
    {
        Machine.Dispose();
        EventOwners.Dispose();
    }
}
