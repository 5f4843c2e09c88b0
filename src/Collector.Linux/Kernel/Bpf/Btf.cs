using System.Runtime.CompilerServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>A kernel's type information (BTF): what programs and decoders ask of it instead of assuming.</summary>
internal sealed unsafe class Btf : IDisposable
{
    private readonly SafeBtf _handle;

    private Btf(SafeBtf handle) => _handle = handle;

    /// <summary>Types in it, the empty type 0 included.</summary>
    public uint Types => Libbpf.btf__type_cnt(_handle.Value);

    /// <summary>Reads raw BTF, or an ELF file with a .BTF section.</summary>
    /// <param name="path">The file.</param>
    /// <param name="reason">Why it was refused.</param>
    public static Btf? TryParse(string path, out string reason)
    {
        reason = "";
        if (BpfLibrary.Missing is { } missing)
        {
            reason = missing;
            return null;
        }
        if (!File.Exists(path))
        {
            reason = "not there";
            return null;
        }
        var handle = new SafeBtf(BpfLibrary.Listen(() => Libbpf.btf__parse(path, 0), out _));
        if (handle.IsInvalid)
        {
            var errno = SafeFd.LastErrno;
            reason = errno.IsAny(EACCES, EPERM) ? "not readable"
                : errno.IsAny(ENOENT, ENODATA) ? "an ELF file without a .BTF section"
                : "neither BTF nor an ELF file with BTF";
            handle.Dispose();
            return null;
        }
        return new Btf(handle);
    }

    /// <summary>A loaded module's types on top of these, which must outlive them; null where there are none.</summary>
    public Btf? TryParseModule(string path)
    {
        if (!File.Exists(path))
            return null;
        var handle = new SafeBtf(BpfLibrary.Listen(() => Libbpf.btf__parse_split(path, _handle.Value), out _));
        if (!handle.IsInvalid)
            return new Btf(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>True when there is a type of that name and kind.</summary>
    public bool Has(uint kind, string name) => Libbpf.btf__find_by_name_kind(_handle.Value, name, kind) > 0;

    /// <summary>
    /// The enumerator names by value, without their common prefix; null when there is no such enum.
    /// </summary>
    public Dictionary<int, string>? Enum(string name, string prefix)
    {
        var id = Libbpf.btf__find_by_name_kind(_handle.Value, name, BtfKind.BTF_KIND_ENUM);
        if (id <= 0)
            return null;
        var type = Type((uint)id);
        var values = (btf_enum*)(type + 1);
        var names = new Dictionary<int, string>();
        for (var i = 0; i < type->Vlen; i++)
        {
            var text = Name(values[i].name_off);
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                text = text[prefix.Length..];
            names.TryAdd(values[i].val, text);
        }
        return names;
    }

    /// <summary>
    /// The enumerators of enums that are told by their first one, for most enums have no name; of those found.
    /// </summary>
    public Dictionary<string, Dictionary<string, int>> EnumsByFirst(IReadOnlySet<string> firsts)
    {
        var found = new Dictionary<string, Dictionary<string, int>>();
        for (var id = 1u; id < Types && found.Count < firsts.Count; id++)
        {
            var type = Type(id);
            if (type->Kind != BtfKind.BTF_KIND_ENUM || type->Vlen == 0)
                continue;
            var values = (btf_enum*)(type + 1);
            if (Name(values[0].name_off) is not { } first || !firsts.Contains(first) || found.ContainsKey(first))
                continue;
            var named = found[first] = [];
            for (var i = 0; i < type->Vlen; i++)
                named.TryAdd(Name(values[i].name_off), values[i].val);
        }
        return found;
    }

    /// <summary>
    /// The argument types of a tracepoint as it is handed to programs (typedef btf_trace_NAME, since 5.5), pointers
    /// with a trailing <c>*</c>; null when the kernel has no such tracepoint or does not describe it.
    /// </summary>
    public IReadOnlyList<string>? TracepointArguments(string tracepoint)
    {
        var id = Libbpf.btf__find_by_name_kind(_handle.Value, $"btf_trace_{tracepoint}", BtfKind.BTF_KIND_TYPEDEF);
        if (id <= 0)
            return null;
        var type = Type((uint)id);
        while (type->Kind is not BtfKind.BTF_KIND_FUNC_PROTO)
        {
            if (!IsReference(type->Kind) && type->Kind != BtfKind.BTF_KIND_TYPEDEF)
                return null;
            type = Type(type->size);
        }
        var parameters = (btf_param*)(type + 1);
        var result = new List<string>();
        // The first is the tracepoint's own data.
        for (var i = 1; i < type->Vlen; i++)
            result.Add(TypeName(parameters[i].type));
        return result;
    }

    private string TypeName(uint id)
    {
        var stars = "";
        while (true)
        {
            if (id == 0)
                return "void" + stars;
            var type = Type(id);
            if (type->Kind == BtfKind.BTF_KIND_PTR)
                stars += "*";
            else if (!IsReference(type->Kind))
                return Name(type->name_off) + stars;
            id = type->size;
        }
    }

    private static bool IsReference(uint kind) => kind
        is BtfKind.BTF_KIND_PTR or BtfKind.BTF_KIND_CONST or BtfKind.BTF_KIND_VOLATILE
        or BtfKind.BTF_KIND_RESTRICT or BtfKind.BTF_KIND_TYPE_TAG;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private btf_type* Type(uint id) => Libbpf.btf__type_by_id(_handle.Value, id);

    private string Name(uint offset) => BpfLibrary.Text(Libbpf.btf__name_by_offset(_handle.Value, offset));

    public void Dispose() => _handle.Dispose();
}
