using System.Text;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Namespaces;

public sealed class MountWatcherTests
{
    [Theory]
    [InlineData("net:[4026531840]", 4026531840UL)]
    [InlineData("net:[1]", 1UL)]
    [InlineData("mnt:[4026531840]", 0UL)]
    [InlineData("net:[]", 0UL)]
    [InlineData("net:[12x]", 0UL)]
    [InlineData("net:[12", 0UL)]
    [InlineData("net:[99999999999999999999999]", 0UL)]
    [InlineData("", 0UL)]
    public void The_inode_is_taken_from_a_namespace_link(string link, ulong inode) =>
        NsLink.Parse(Encoding.ASCII.GetBytes(link)).ShouldBe(inode);

    [Fact]
    public void Network_namespaces_are_taken_from_mountinfo_and_other_kinds_and_file_systems_are_not() =>
        Parse("""
            21 28 0:20 / /proc rw,nosuid shared:13 - proc proc rw
            36 25 0:4 net:[4026532281] /run/netns/blue rw shared:21 - nsfs nsfs rw
            37 25 0:4 mnt:[4026532282] /run/mnt/x rw shared:22 - nsfs nsfs rw
            38 25 0:4 net:[4026532283] /run/docker/netns/1a2b rw - nsfs nsfs rw
            39 25 8:1 net:[4026532284] /data rw - ext4 /dev/sda1 rw
            """)
            .ShouldBe(new Dictionary<ulong, string>
            {
                [4026532281] = "/run/netns/blue",
                [4026532283] = "/run/docker/netns/1a2b",
            }, ignoreOrder: true);

    [Fact]
    public void The_path_below_run_netns_wins_over_other_mounts_of_the_same_namespace() =>
        Parse("""
            36 25 0:4 net:[5] /a rw - nsfs nsfs rw
            36 25 0:4 net:[5] /run/netns/blue rw - nsfs nsfs rw
            36 25 0:4 net:[5] /b rw - nsfs nsfs rw
            """)[5].ShouldBe("/run/netns/blue");

    [Fact]
    public void Escaped_blanks_and_backslashes_are_decoded() =>
        Parse("""36 25 0:4 net:[5] /run/netns/a\040b\134c\011d rw - nsfs nsfs rw""")[5]
            .ShouldBe("/run/netns/a b\\c\td");

    [Fact]
    public void Bytes_that_are_no_text_are_shown_escaped_and_kept_for_opening()
    {
        var paths = new Dictionary<ulong, string>();
        var raw = new Dictionary<ulong, byte[]>();
        byte[] text = [.. "36 25 0:4 net:[5] /run/netns/a"u8, 0xff, .. "\u00fc\\040b rw - nsfs nsfs rw\n"u8];
        MountWatcher.Parse(text, paths, raw);
        paths[5].ShouldBe("/run/netns/a\\xff\u00fc b");
        raw[5].ShouldBe([.. "/run/netns/a"u8, 0xff, .. "\u00fc b"u8]);
    }

    [Fact]
    public void Any_bytes_are_survived() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            byte[] text = [.. "1 2 0:4 net:[5] "u8, .. bytes, .. " - nsfs nsfs rw\n"u8, .. bytes];
            MountWatcher.Parse(text, []);
        }).QuickCheckThrowOnFailure();

    private static Dictionary<ulong, string> Parse(string text)
    {
        var found = new Dictionary<ulong, string>();
        MountWatcher.Parse(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")), found);
        return found;
    }
}
