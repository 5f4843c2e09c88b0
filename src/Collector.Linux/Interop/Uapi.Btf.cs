using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

// include/uapi/linux/btf.h

/// <summary>A type; kind-specific data follows it. info: bits 0-15 vlen, 24-28 kind, 31 kind_flag.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct btf_type
{
    public uint name_off;
    public uint info;

    /// <summary>Or <c>type</c>: a union of the two in C.</summary>
    public uint size;

    public readonly uint Kind => info >> 24 & 0x1f;

    public readonly int Vlen => (int)(info & 0xffff);
}

[StructLayout(LayoutKind.Sequential)]
internal struct btf_enum
{
    public uint name_off;
    public int val;
}

[StructLayout(LayoutKind.Sequential)]
internal struct btf_param
{
    public uint name_off;
    public uint type;
}

internal static class BtfKind
{
    public const uint BTF_KIND_PTR = 2;
    public const uint BTF_KIND_STRUCT = 4;
    public const uint BTF_KIND_UNION = 5;
    public const uint BTF_KIND_ENUM = 6;
    public const uint BTF_KIND_TYPEDEF = 8;
    public const uint BTF_KIND_VOLATILE = 9;
    public const uint BTF_KIND_CONST = 10;
    public const uint BTF_KIND_RESTRICT = 11;
    public const uint BTF_KIND_FUNC = 12;
    public const uint BTF_KIND_FUNC_PROTO = 13;
    public const uint BTF_KIND_TYPE_TAG = 18;
}
