using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Collector.Tests.Support;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Tests.Probes;

/// <summary>Devices that are moved between namespaces, on the real kernel against <c>ip -s -j link</c>.</summary>
public sealed class NetdevMoveTests
{
    private const string Sent = "system.network.io/transmit";
    private const string TotalSent = "netlens.netdev.io/transmit";

    [RequiresRootFact]
    public void A_namespace_whose_only_device_is_a_tunnel_made_elsewhere_has_what_ip_shows()
    {
        using var pair = new TestNetnsPair();
        using var inner = new TestNetns();
        pair.Left.Run("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789",
            "remote", TestNetnsPair.RightIPv4);
        pair.Left.Run("ip", "link", "set", "vx0", "netns", inner.Name);
        inner.Run("ip", "link", "set", "vx0", "up");
        inner.Run("ip", "addr", "add", "203.0.113.1/24", "dev", "vx0");
        inner.Run("ip", "neigh", "add", "203.0.113.2", "lladdr", "02:00:00:00:00:02", "dev", "vx0");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        NetdevTests.SendDatagrams(inner, "203.0.113.2", 5000, 1000);
        KernelProbeRun.Eventually(() =>
        {
            var before = SentBy(inner, "vx0");
            var total = run.Row("netdev.total", inner)[TotalSent];
            return before == SentBy(inner, "vx0") && before == total && total >= 5000 * 1028;
        });
    }

    [RequiresRootFact]
    public void A_tunnel_beside_the_device_that_carries_it_does_not_count()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Left;
        ns.Run("ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789",
            "remote", TestNetnsPair.RightIPv4);
        ns.Run("ip", "link", "set", "vx0", "up");
        ns.Run("ip", "addr", "add", "203.0.113.1/24", "dev", "vx0");
        ns.Run("ip", "neigh", "add", "203.0.113.2", "lladdr", "02:00:00:00:00:02", "dev", "vx0");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        NetdevTests.SendDatagrams(ns, "203.0.113.2", 500, 1000);
        KernelProbeRun.Eventually(() =>
        {
            var before = SentBy(ns, "veth0");
            var total = run.Row("netdev.total", ns)[TotalSent];
            return before == SentBy(ns, "veth0") && before == total && SentBy(ns, "vx0") > 500_000;
        });
    }

    [RequiresRootFact]
    public void A_veth_that_moves_leaves_its_past_behind()
    {
        using var pair = new TestNetnsPair();
        Move(pair.Left, "veth0");
    }

    [RequiresRootFact]
    public void A_tun_that_moves_leaves_its_past_behind()
    {
        using var ns = new TestNetns();
        using var tun = new TunDevice(ns, "tun0");
        Address(ns, "tun0");
        Move(ns, "tun0");
    }

    private static void Move(TestNetns from, string device)
    {
        using var to = new TestNetns();
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        NetdevTests.SendDatagrams(from, TestNetnsPair.RightIPv4, 100, 1000);
        KernelProbeRun.Eventually(() => run.Row("netdev.total", from)[TotalSent] is var sent && sent > 100_000
            && sent == SentBy(from, device));
        var left = run.Row("netdev.total", from)[TotalSent];
        run.Row("netdev.total", to)[TotalSent].ShouldBe(0);

        from.Run("ip", "link", "set", device, "netns", to.Name);
        var past = SentBy(to, device);
        Address(to, device);
        NetdevTests.SendDatagrams(to, TestNetnsPair.RightIPv4, 50, 1000);
        KernelProbeRun.Eventually(() =>
        {
            var now = SentBy(to, device);
            var row = run.Row("netdev", to, device);
            var total = run.Row("netdev.total", to)[TotalSent];
            if (now != SentBy(to, device))
                return false;
            row[Sent].ShouldBe(now);
            row.Row.StartTime.ShouldBe(run.Host.BootTime);
            total.ShouldBe(now - past);
            return total > 50_000;
        });
        run.Row("netdev.total", from)[TotalSent].ShouldBe(left);
    }

    private static long SentBy(TestNetns ns, string device)
    {
        using var shown = JsonDocument.Parse(ns.Run("ip", "-s", "-j", "link", "show", device));
        return shown.RootElement[0].GetProperty("stats64").GetProperty("tx").GetProperty("bytes").GetInt64();
    }

    private static void Address(TestNetns ns, string device)
    {
        ns.Run("ip", "addr", "add", $"{TestNetnsPair.LeftIPv4}/24", "dev", device);
        ns.Run("ip", "link", "set", device, "up");
    }

    /// <summary>A tun device whose packets somebody reads, wherever it is moved.</summary>
    private sealed unsafe class TunDevice : IDisposable
    {
        private const int SetInterface = 0x400454ca; // TUNSETIFF
        private const short TunWithoutInformation = 0x1001; // IFF_TUN | IFF_NO_PI
        private readonly SafeFileHandle _file;
        private readonly Thread _reader;
        private volatile bool _ended;

        public TunDevice(TestNetns ns, string name)
        {
            _file = ns.Inside(() =>
            {
                var file = File.OpenHandle("/dev/net/tun", access: FileAccess.ReadWrite);
                var request = new byte[40]; // struct ifreq
                Encoding.ASCII.GetBytes(name, request);
                MemoryMarshal.Write(request.AsSpan(16), TunWithoutInformation);
                fixed (byte* p = request)
                    ioctl((int)file.DangerousGetHandle(), SetInterface, p).ShouldBe(0);
                return file;
            });
            _reader = new Thread(ReadAll);
            _reader.Start();
        }

        private void ReadAll()
        {
            var packet = stackalloc byte[2048];
            var fd = (int)_file.DangerousGetHandle();
            _ = fcntl(fd, F_SETFL, O_NONBLOCK);
            while (!_ended)
            {
                if (read(fd, packet, 2048) < 0)
                    Thread.Sleep(1);
            }
        }

        public void Dispose()
        {
            _ended = true;
            _reader.Join();
            _file.Dispose();
        }
    }
}
