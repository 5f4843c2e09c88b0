namespace Collector.Linux.Interop;

// struct sock_filter, include/uapi/linux/filter.h
internal struct sock_filter
{
    public ushort code;
    public byte jt;
    public byte jf;
    public uint k;

    // include/uapi/linux/bpf_common.h
    public const ushort BPF_LD = 0x00;
    public const ushort BPF_B = 0x10;
    public const ushort BPF_ABS = 0x20;
    public const ushort BPF_JMP = 0x05;
    public const ushort BPF_JGT = 0x20;
    public const ushort BPF_JGE = 0x30;
    public const ushort BPF_K = 0x00;
    public const ushort BPF_RET = 0x06;
}

// struct sock_fprog, include/uapi/linux/filter.h
internal unsafe struct sock_fprog
{
    public ushort len;
    public sock_filter* filter;
}
