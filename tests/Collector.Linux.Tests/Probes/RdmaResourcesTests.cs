using System.Buffers.Binary;
using System.Text;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Rdma;
using Collector.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Probes;

/// <summary>On messages put together by hand; the question itself is put to the real kernel.</summary>
public sealed class RdmaResourcesTests
{
    [Fact]
    public void Objects_of_a_device_are_counted_by_the_kernels_names_and_others_are_left_out()
    {
        using var resources = new RdmaResources();
        resources.Begin();
        resources.Take(new NetlinkMessage(0, [
            .. Attribute(1, [7, 0, 0, 0]),
            .. Attribute(2, "mlx5_0\0"u8.ToArray()),
            .. Attribute(15, [.. Entry("qp", 12), .. Entry("mr", 0), .. Entry("from_the_future", 5)]),
        ])).ShouldBeTrue();
        var row = AppendedBy(resources);

        row.Row.Tags.Select(t => t.Text).ShouldBe(["mlx5_0", "mlx5"]);
        row.Values["kubeskoop_rdma_qp"].ShouldBe(12);
        row.Values["kubeskoop_rdma_mr"].ShouldBe(0);
        row.Values.ShouldNotContainKey("kubeskoop_rdma_srq", "what the kernel does not tell is absent");
    }

    [Fact]
    public void A_message_without_a_device_or_cut_short_is_refused()
    {
        using var resources = new RdmaResources();
        resources.Take(new NetlinkMessage(0, Attribute(15, Entry("qp", 1)))).ShouldBeFalse();
        var whole = (byte[])[.. Attribute(2, "rxe0\0"u8.ToArray()), .. Attribute(15, Entry("qp", 1))];
        resources.Take(new NetlinkMessage(0, whole.AsSpan(0, whole.Length - 3))).ShouldBeFalse();
    }

    [Fact]
    public void Any_bytes_are_survived() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
    {
        using var resources = new RdmaResources();
        resources.Take(new NetlinkMessage(0, bytes));
        resources.Take(new NetlinkMessage(0, [.. Attribute(2, "a\0"u8.ToArray()), .. Attribute(15, bytes)]));
    }).QuickCheckThrowOnFailure();

    [RequiresRootFact]
    public void A_kernel_without_devices_gives_no_row_and_no_failure()
    {
        using var host = new LinuxHost(new KernelPaths());
        using var resources = new RdmaResources();
        var failures = new List<string>();
        var builder =
            new SnapshotBuilder(new SnapshotStore(), TimeProvider.System) { OnReadFailed = (_, r) => failures.Add(r) };
        builder.Begin();
        resources.Collect(host, builder);
        failures.ShouldBeEmpty();
        if (!Directory.Exists("/sys/class/infiniband"))
            builder.Publish().Find(RdmaResources.Table).ShouldBeNull();
    }

    private static (Row Row, Dictionary<string, long> Values) AppendedBy(RdmaResources resources)
    {
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        resources.Append(builder);
        var table = builder.Publish().Find(RdmaResources.Table)!;
        var values = table.Info.Metrics.Where(m => table.Column(m)[0] >= 0)
            .ToDictionary(m => m.KubeSkoop[0], m => table.Column(m)[0]);
        return (table.Rows[0], values);
    }

    private static byte[] Entry(string name, ulong count)
    {
        var number = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, count);
        return Attribute(16, [.. Attribute(17, [.. Encoding.ASCII.GetBytes(name), 0]), .. Attribute(18, number)]);
    }

    private static byte[] Attribute(ushort type, byte[] value)
    {
        var bytes = new byte[(4 + value.Length + 3) & ~3];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), type);
        value.CopyTo(bytes, 4);
        return bytes;
    }
}
