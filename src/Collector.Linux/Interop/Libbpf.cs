using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>
/// libbpf 1.x, as C spells it. Functions that return pointers give null and set errno; the others return a negative
/// errno.
/// </summary>
internal static unsafe partial class Libbpf
{
    private const string Library = "libbpf.so.1";

    public const int BPF_MAP_TYPE_HASH = 1;
    public const int BPF_MAP_TYPE_ARRAY = 2;
    public const int BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4;
    public const int BPF_MAP_TYPE_PERCPU_HASH = 5;
    public const int BPF_MAP_TYPE_PERCPU_ARRAY = 6;
    public const int BPF_MAP_TYPE_LRU_HASH = 9;
    public const int BPF_MAP_TYPE_RINGBUF = 27;
    public const int BPF_PROG_TYPE_SOCKET_FILTER = 1;
    public const int BPF_PROG_TYPE_RAW_TRACEPOINT = 17;
    public const int BPF_STATS_RUN_TIME = 0;
    public const ulong BPF_ANY = 0;
    public const uint BPF_F_TEST_RUN_ON_CPU = 1;

    // const char *libbpf_version_string(void);
    [LibraryImport(Library)]
    public static partial byte* libbpf_version_string();

    // libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn);
    // typedef int (*libbpf_print_fn_t)(enum libbpf_print_level level, const char *, va_list ap);
    [LibraryImport(Library)]
    public static partial nint libbpf_set_print(delegate* unmanaged<int, byte*, nint, int> fn);

    // int libbpf_probe_bpf_map_type(enum bpf_map_type map_type, const void *opts);
    [LibraryImport(Library)]
    public static partial int libbpf_probe_bpf_map_type(int map_type, nint opts);

    // struct bpf_object *bpf_object__open_mem(const void *obj_buf, size_t sz, const struct bpf_object_open_opts *opts);
    [LibraryImport(Library, SetLastError = true)]
    public static partial nint bpf_object__open_mem(byte* obj_buf, nuint obj_buf_sz, bpf_object_open_opts* opts);

    // int bpf_object__load(struct bpf_object *obj);
    [LibraryImport(Library)]
    public static partial int bpf_object__load(nint obj);

    // void bpf_object__close(struct bpf_object *object);
    [LibraryImport(Library)]
    public static partial void bpf_object__close(nint obj);

    // struct bpf_program *bpf_object__next_program(const struct bpf_object *obj, struct bpf_program *prog);
    [LibraryImport(Library)]
    public static partial nint bpf_object__next_program(nint obj, nint prog);

    // const char *bpf_program__name(const struct bpf_program *prog);
    [LibraryImport(Library)]
    public static partial byte* bpf_program__name(nint prog);

    // const char *bpf_program__section_name(const struct bpf_program *prog);
    [LibraryImport(Library)]
    public static partial byte* bpf_program__section_name(nint prog);

    // int bpf_program__set_autoload(struct bpf_program *prog, bool autoload);
    [LibraryImport(Library)]
    public static partial int bpf_program__set_autoload(nint prog, byte autoload);

    // int bpf_program__set_attach_target(struct bpf_program *prog, int attach_prog_fd, const char *attach_func_name);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int bpf_program__set_attach_target(nint prog, int attach_prog_fd, string attach_func_name);

    // int bpf_program__fd(const struct bpf_program *prog);
    [LibraryImport(Library)]
    public static partial int bpf_program__fd(nint prog);

    // struct bpf_link *bpf_program__attach(const struct bpf_program *prog);
    [LibraryImport(Library, SetLastError = true)]
    public static partial nint bpf_program__attach(nint prog);

    // struct bpf_link *bpf_program__attach_kprobe(const struct bpf_program *prog, bool retprobe,
    //                                             const char *func_name);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint bpf_program__attach_kprobe(nint prog, byte retprobe, string func_name);

    // struct bpf_link *bpf_program__attach_cgroup(const struct bpf_program *prog, int cgroup_fd);
    [LibraryImport(Library, SetLastError = true)]
    public static partial nint bpf_program__attach_cgroup(nint prog, int cgroup_fd);

    // int bpf_link__fd(const struct bpf_link *link);
    [LibraryImport(Library)]
    public static partial int bpf_link__fd(nint link);

    // int bpf_iter_create(int link_fd);
    [LibraryImport(Library)]
    public static partial int bpf_iter_create(int link_fd);

    // int bpf_link__destroy(struct bpf_link *link);
    [LibraryImport(Library)]
    public static partial int bpf_link__destroy(nint link);

    // struct bpf_map *bpf_object__next_map(const struct bpf_object *obj, const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial nint bpf_object__next_map(nint obj, nint map);

    // const char *bpf_map__name(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial byte* bpf_map__name(nint map);

    // int bpf_map__fd(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial int bpf_map__fd(nint map);

    // enum bpf_map_type bpf_map__type(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial int bpf_map__type(nint map);

    // __u32 bpf_map__key_size(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial uint bpf_map__key_size(nint map);

    // __u32 bpf_map__value_size(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial uint bpf_map__value_size(nint map);

    // __u32 bpf_map__max_entries(const struct bpf_map *map);
    [LibraryImport(Library)]
    public static partial uint bpf_map__max_entries(nint map);

    // int bpf_map__set_max_entries(struct bpf_map *map, __u32 max_entries);
    [LibraryImport(Library)]
    public static partial int bpf_map__set_max_entries(nint map, uint max_entries);

    // int bpf_prog_load(enum bpf_prog_type prog_type, const char *prog_name, const char *license,
    //                   const struct bpf_insn *insns, size_t insn_cnt, struct bpf_prog_load_opts *opts);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int bpf_prog_load(
        int prog_type, string prog_name, string license, ulong* insns, nuint insn_cnt, nint opts);

    // int bpf_enable_stats(enum bpf_stats_type type);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_enable_stats(int type);

    // int bpf_map__reuse_fd(struct bpf_map *map, int fd);
    [LibraryImport(Library)]
    public static partial int bpf_map__reuse_fd(nint map, int fd);

    // int libbpf_num_possible_cpus(void);
    [LibraryImport(Library)]
    public static partial int libbpf_num_possible_cpus();

    // int bpf_map_lookup_elem(int fd, const void *key, void *value);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_map_lookup_elem(int fd, void* key, void* value);

    // int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_map_update_elem(int fd, void* key, void* value, ulong flags);

    // int bpf_map_delete_elem(int fd, const void *key);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_map_delete_elem(int fd, void* key);

    // int bpf_map_get_next_key(int fd, const void *key, void *next_key);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_map_get_next_key(int fd, void* key, void* next_key);

    // int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values, __u32 *count,
    //                          const struct bpf_map_batch_opts *opts);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_map_lookup_batch(
        int fd, void* in_batch, void* out_batch, void* keys, void* values, uint* count, void* opts);

    // int bpf_prog_test_run_opts(int prog_fd, struct bpf_test_run_opts *opts);
    [LibraryImport(Library)]
    public static partial int bpf_prog_test_run_opts(int prog_fd, bpf_test_run_opts* opts);

    // int bpf_obj_get_info_by_fd(int bpf_fd, void *info, __u32 *info_len);
    [LibraryImport(Library, SetLastError = true)]
    public static partial int bpf_obj_get_info_by_fd(int bpf_fd, void* info, uint* info_len);

    // struct btf *btf__parse(const char *path, struct btf_ext **btf_ext);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint btf__parse(string path, nint btf_ext);

    // struct btf *btf__parse_split(const char *path, struct btf *base_btf);
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint btf__parse_split(string path, nint base_btf);

    // void btf__free(struct btf *btf);
    [LibraryImport(Library)]
    public static partial void btf__free(nint btf);

    // __u32 btf__type_cnt(const struct btf *btf);
    [LibraryImport(Library)]
    public static partial uint btf__type_cnt(nint btf);

    // __s32 btf__find_by_name_kind(const struct btf *btf, const char *type_name, __u32 kind);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int btf__find_by_name_kind(nint btf, string type_name, uint kind);

    // const struct btf_type *btf__type_by_id(const struct btf *btf, __u32 id);
    [LibraryImport(Library)]
    public static partial btf_type* btf__type_by_id(nint btf, uint id);

    // const char *btf__name_by_offset(const struct btf *btf, __u32 offset);
    [LibraryImport(Library)]
    public static partial byte* btf__name_by_offset(nint btf, uint offset);

    // struct bpf_object_open_opts, tools/lib/bpf/libbpf.h: grown at the end only; sz says how much the caller knows.
    [StructLayout(LayoutKind.Explicit, Size = 80)]
    public struct bpf_object_open_opts
    {
        [FieldOffset(0)]
        public nuint sz;

        [FieldOffset(8)]
        public byte* object_name;

        [FieldOffset(48)]
        public byte* btf_custom_path;
    }

    // struct bpf_test_run_opts, tools/lib/bpf/bpf.h: grown at the end only, too.
    [StructLayout(LayoutKind.Explicit, Size = 80)]
    public struct bpf_test_run_opts
    {
        [FieldOffset(0)]
        public nuint sz;

        [FieldOffset(8)]
        public void* data_in;

        [FieldOffset(24)]
        public uint data_size_in;

        [FieldOffset(32)]
        public void* ctx_in;

        [FieldOffset(48)]
        public uint ctx_size_in;

        [FieldOffset(56)]
        public uint retval;

        [FieldOffset(60)]
        public int repeat;

        [FieldOffset(68)]
        public uint flags;

        [FieldOffset(72)]
        public uint cpu;
    }
}

/// <summary>An open libbpf object: closing it detaches and frees everything that it loaded.</summary>
internal sealed class SafeBpfObject : SafeHandle
{
    public SafeBpfObject(nint handle) : base(0, ownsHandle: true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    public nint Value => handle;

    protected override bool ReleaseHandle()
    {
        Libbpf.bpf_object__close(handle);
        return true;
    }
}

/// <summary>An attached program; destroying the link detaches it.</summary>
internal sealed class SafeBpfLink : SafeHandle
{
    public SafeBpfLink(nint handle) : base(0, ownsHandle: true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    /// <summary>Its descriptor. The caller keeps the object alive while using it.</summary>
    public int Fd => Libbpf.bpf_link__fd(handle);

    protected override bool ReleaseHandle() => Libbpf.bpf_link__destroy(handle) == 0;
}

/// <summary>Parsed BTF.</summary>
internal sealed class SafeBtf : SafeHandle
{
    public SafeBtf(nint handle) : base(0, ownsHandle: true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    public nint Value => handle;

    protected override bool ReleaseHandle()
    {
        Libbpf.btf__free(handle);
        return true;
    }
}
