using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Interop;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Interop;

/// <summary>
/// Proves every structure and constant of Interop against the C headers of this machine, and of arm64: a program of
/// assertions that gcc accepts only if all sizes, offsets and values agree.
/// </summary>
public sealed class LayoutTests
{
    private static readonly string[] Headers =
    [
        "stddef.h", "poll.h", "fcntl.h", "sched.h", "time.h", "unistd.h", "dirent.h", "sys/time.h", "sys/socket.h",
        "sys/stat.h", "signal.h", "linux/nsfs.h", "sys/statfs.h", "netinet/in.h", "net/if.h", "linux/netlink.h",
        "linux/rtnetlink.h", "linux/if_link.h", "linux/veth.h", "linux/tcp.h",
        "linux/gen_stats.h", "linux/pkt_sched.h", "linux/sock_diag.h", "linux/inet_diag.h",
        "linux/netfilter.h", "linux/netfilter/nf_tables.h", "linux/netfilter/nfnetlink.h", "sys/resource.h",
        "linux/netfilter/nfnetlink_conntrack.h",
        "linux/netfilter/nf_conntrack_common.h", "linux/netfilter/nf_conntrack_tcp.h",
        "sys/mman.h", "sys/syscall.h", "sys/epoll.h", "sys/eventfd.h", "linux/perf_event.h", "linux/bpf.h", "linux/btf.h",
        "linux/filter.h", "bpf/bpf.h", "bpf/libbpf.h", "sys/inotify.h", "sys/mount.h", "malloc.h", "rdma/rdma_netlink.h",
    ];

    // Structures that say how long they are and that newer headers lengthen.
    private static readonly string[] Growing =
        ["bpf_object_open_opts", "bpf_prog_info", "bpf_test_run_opts", "perf_event_attr"];

    private static IEnumerable<Type> Types => typeof(Libc).Assembly.GetTypes()
        .Where(t => t.Namespace == typeof(Libc).Namespace && !t.IsDefined(typeof(CompilerGeneratedAttribute), false));

    // A structure of C has its name; one that is the C#'s own has a C# name.
    private static IEnumerable<Type> Structs =>
        Types.Where(
            t => t is { IsValueType: true, IsEnum: false } && char.IsLower(t.Name[0])
                && !t.IsDefined(typeof(InlineArrayAttribute), false));

    [Fact]
    public void Structures_are_found()
    {
        Structs.ShouldContain(typeof(nlmsghdr));
        Structs.ShouldContain(typeof(inet_diag_msg));
    }

    [RequiresToolFact("gcc")]
    public void Sizes_offsets_and_constants_are_those_of_the_C_headers() =>
        ShouldAgree("gcc", value => value);

    [RequiresToolFact("aarch64-linux-gnu-gcc")]
    public void On_arm64_too() => ShouldAgree("aarch64-linux-gnu-gcc", value => value.Arm64);

    private static void ShouldAgree(string compiler, Func<PerArchitecture, int> here)
    {
        var program = new StringBuilder("#define _GNU_SOURCE\n");
        foreach (var header in Headers)
            program.Append($"#include <{header}>\n");
        foreach (var type in Structs)
            AppendStructure(program, type);
        foreach (var field in Types.SelectMany(
            t => t.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)))
            AppendConstant(program, field, here);
        AppendErrnos(program);
        Compile(compiler, program.ToString());
    }

    [RequiresToolFact("gcc")]
    public void A_wrong_offset_is_refused()
    {
        Should.Throw<InvalidOperationException>(() => Compile(
            "gcc", "#include <stddef.h>\n#include <linux/netlink.h>\n"
            + "_Static_assert(offsetof(struct nlmsghdr, nlmsg_seq) == 4, \"x\");\n"));
    }

    private static void AppendStructure(StringBuilder program, Type type)
    {
        var size = Marshal.SizeOf(type);
        var name = type.Name;
        var relation = Growing.Contains(name) ? ">=" : "==";
        program.Append($"_Static_assert(sizeof(struct {name}) {relation} {size}, \"{name}\");\n");
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            var offset = Marshal.OffsetOf(type, field.Name);
            program.Append(
                $"_Static_assert(offsetof(struct {name}, {field.Name}) == {offset}, \"{name}.{field.Name}\");\n");
        }
    }

    // A constant that C spells the same way has the same value; one that is the C#'s own has a C# name.
    private static void AppendConstant(StringBuilder program, FieldInfo field, Func<PerArchitecture, int> here)
    {
        var differs = field.FieldType == typeof(PerArchitecture);
        if (!differs
            && (!field.IsLiteral || field.DeclaringType!.IsEnum
                || field.Name.Any(char.IsLower) && field.Name[0] != '_'))
        {
            return;
        }
        var value = differs
            ? here((PerArchitecture)field.GetValue(null)!)
            : Convert.ToInt64(field.GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture);
        program.Append($"_Static_assert((unsigned)({field.Name}) == (unsigned)({value}LL), \"{field.Name}\");\n");
    }

    private static void AppendErrnos(StringBuilder program)
    {
        program.Append("#include <errno.h>\n");
        foreach (var (number, name) in Errno.Names.Where(e => e.Key != 0))
            program.Append($"_Static_assert({name} == {number}, \"{name}\");\n");
    }

    private static void Compile(string compiler, string program)
    {
        var folder = Directory.CreateTempSubdirectory("netlens-layout-");
        try
        {
            var file = Path.Combine(folder.FullName, "layout.c");
            File.WriteAllText(file, program);
            // libbpf's headers are the same for all, and the cross compiler does not look where they are.
            Shell.Run(compiler, "-std=gnu11", "-fsyntax-only", "-idirafter", "/usr/include", file);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Skipped only where the tool is not installed.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class RequiresToolFactAttribute : FactAttribute
    {
        public RequiresToolFactAttribute(string tool) =>
            Skip = Shell.Find(tool) is null ? $"the tool '{tool}' is not installed" : null;
    }
}
