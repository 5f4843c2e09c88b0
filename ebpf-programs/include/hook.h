/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs for one place in the kernel: the typed way to it, which needs the kernel's own BTF, and the way for kernels
 * without. User space takes the first that its kernel allows. Each runs the same statement, which sees the arguments
 * and ctx.
 */
#ifndef NETLENS_HOOK_H
#define NETLENS_HOOK_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/*
 * Through typed pointers the verifier allows plain loads, which cost a fraction of the helper's. Not for sockets:
 * kernels from 6.12 want a test for NULL there in a form that the compiler does not keep.
 */
#define GET(typed, ptr, field) ((typed) ? (ptr)->field : BPF_CORE_READ(ptr, field))

/* NAME_btf and NAME_raw, at a tracepoint; typed tells the statement which. */
#define TRACEPOINT(name, tracepoint, run, args...) \
	SEC("tp_btf/" #tracepoint)                 \
	int BPF_PROG(name##_btf, ##args)           \
	{                                          \
		const bool typed = true;           \
                                                   \
		run;                               \
		return 0;                          \
	}                                          \
	SEC("raw_tp/" #tracepoint)                 \
	int BPF_PROG(name##_raw, ##args)           \
	{                                          \
		const bool typed = false;          \
                                                   \
		run;                               \
		return 0;                          \
	}

/* NAME_fentry and NAME_kprobe, where a function begins; typed as above, where the statement asks. */
#define FUNCTION_ENTRY(name, function, run, args...)              \
	SEC("fentry/" #function)                                  \
	int BPF_PROG(name##_fentry, ##args)                       \
	{                                                         \
		const bool typed __attribute__((unused)) = true;  \
                                                                  \
		run;                                              \
		return 0;                                         \
	}                                                         \
	SEC("kprobe/" #function)                                  \
	int BPF_KPROBE(name##_kprobe, ##args)                     \
	{                                                         \
		const bool typed __attribute__((unused)) = false; \
                                                                  \
		run;                                              \
		return 0;                                         \
	}

/* NAME_fexit and NAME_kretprobe, where it returns. */
#define FUNCTION_EXIT(name, function, run)  \
	SEC("fexit/" #function)             \
	int BPF_PROG(name##_fexit)          \
	{                                   \
		run;                        \
		return 0;                   \
	}                                   \
	SEC("kretprobe/" #function)         \
	int BPF_KRETPROBE(name##_kretprobe) \
	{                                   \
		run;                        \
		return 0;                   \
	}

#endif
