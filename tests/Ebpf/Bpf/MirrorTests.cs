using System.Reflection;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// Every C# mirror of a C structure of the eBPF programs has its size, fields and offsets, by the objects' own type
/// information.
/// </summary>
public sealed class MirrorTests
{
    private static readonly Assembly Linux = typeof(BpfStructAttribute).Assembly;

    // For all tests: read anew for each, they take an emulated machine half a minute.
    private static readonly Lazy<IReadOnlyList<(string Resource, SafeBtf Types)>> Objects = new(static () =>
        [.. Linux.GetManifestResourceNames().Where(r => r.StartsWith("bpf/", StringComparison.Ordinal))
            .Select(r => (r, Parse(r)))]);

    public static TheoryData<string> Mirrors => [.. Linux.GetTypes()
        .Where(t => t.GetCustomAttribute<BpfStructAttribute>() is not null).Select(t => t.FullName!)];

    [SkippableBpfTheory]
    [MemberData(nameof(Mirrors))]
    public void A_mirror_is_laid_out_like_its_C_structure(string mirror)
    {
        var type = Linux.GetType(mirror, throwOnError: true)!;
        var name = type.GetCustomAttribute<BpfStructAttribute>()!.Name;
        var found = 0;
        foreach (var (resource, types) in Objects.Value)
        {
            if (Structure.Find(types, name) is not { } structure)
                continue;
            found++;
            structure.Size.ShouldBe(Marshal.SizeOf(type), resource);
            var fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
                .Select(f => (Name: NameOf(f).ToLowerInvariant(), Offset: (int)Marshal.OffsetOf(type, f.Name)));
            fields.ShouldBe(structure.Members.Where(m => !m.Name.StartsWith("pad", StringComparison.Ordinal)), resource);
        }
        found.ShouldBeGreaterThan(0, $"no object has struct {name}");
    }

    private static SafeBtf Parse(string resource)
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var from = Linux.GetManifestResourceStream(resource)!)
            using (var to = File.Create(file))
                from.CopyTo(to);
            var types = new SafeBtf(Libbpf.btf__parse(file, 0));
            types.IsInvalid.ShouldBeFalse(resource);
            return types;
        }
        finally
        {
            File.Delete(file);
        }
    }

    // The field behind a property is called <Location>k__BackingField.
    private static string NameOf(FieldInfo field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;

    /// <summary>A structure of an object's BTF.</summary>
    private sealed record Structure(int Size, IReadOnlyList<(string Name, int Offset)> Members)
    {
        public static unsafe Structure? Find(SafeBtf types, string name)
        {
            var id = Libbpf.btf__find_by_name_kind(types.Value, name, BtfKind.BTF_KIND_STRUCT);
            return id <= 0 ? null : Read(types, Libbpf.btf__type_by_id(types.Value, (uint)id));
        }

        // struct btf_member { u32 name_off; u32 type; u32 offset; }, the offset in bits.
        private static unsafe Structure Read(SafeBtf btf, btf_type* type)
        {
            var members = new List<(string, int)>();
            var member = (uint*)(type + 1);
            for (var i = 0; i < type->Vlen; i++, member += 3)
            {
                var name = BpfLibrary.Text(Libbpf.btf__name_by_offset(btf.Value, member[0]));
                members.Add((name.Replace("_", "", StringComparison.Ordinal), (int)member[2] / 8));
            }
            return new((int)type->size, members);
        }
    }
}

/// <summary>Needs libbpf, no root.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SkippableBpfTheoryAttribute : TheoryAttribute
{
    public SkippableBpfTheoryAttribute() => Skip = BpfLibrary.Missing;
}
