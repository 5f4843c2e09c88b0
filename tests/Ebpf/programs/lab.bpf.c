// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Programs for the tests of the loader: good ones, ones that no kernel takes, and one that writes records on demand.
#include "event.h"
#include "hook.h"

struct lab_settings {
	__u32 pid; /* whose calls of getppid make records */
	__u32 size; /* bytes of a record */
};

struct lab_record {
	__u64 number;
	__u8 fill[504];
};

SETTINGS(struct lab_settings)
MAP(counts, BPF_MAP_TYPE_PERCPU_HASH, 5000, __u64, __u64);
MAP(numbers, BPF_MAP_TYPE_ARRAY, 1, __u32, __u64);
SCRATCH(lab_record)

#if defined(__TARGET_ARCH_arm64)
#define GETPPID 173
#else
#define GETPPID 110
#endif

/* One record and one count per getppid of the chosen process. */
SEC("raw_tp/sys_enter")
int BPF_PROG(records, struct pt_regs *regs, long call)
{
	struct lab_record_scratch *place;
	struct lab_settings *config = get_settings();
	__u64 one = 1, *number, *count, key;
	__u32 zero = 0;

	number = bpf_map_lookup_elem(&numbers, &zero);
	if (call != GETPPID || !config || !number || bpf_get_current_pid_tgid() >> 32 != config->pid)
		return 0;
	key = *number % 3000;
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	place = take_scratch();
	if (!place)
		return 0;
	place->record.number = (*number)++;
	__builtin_memset(place->record.fill, (__u8)place->record.number, sizeof(place->record.fill));
	if (config->size >= 8 && config->size <= sizeof(place->record))
		emit(ctx, &place->record, config->size);
	place->busy = 0;
	return 0;
}

SEC("raw_tp/softirq_entry")
int BPF_PROG(good, __u32 vector)
{
	return 0;
}

/* A number is no address: every verifier refuses. */
SEC("raw_tp/softirq_entry")
int BPF_PROG(unsafe, __u64 vector)
{
	return *(volatile int *)(vector + 4096);
}

SEC("raw_tp/netlens_no_such_tracepoint")
int BPF_PROG(nowhere, __u32 vector)
{
	return 0;
}

SEC("kprobe/netlens_no_such_function")
int BPF_KPROBE(no_function)
{
	return 0;
}

SEC("fentry/netlens_no_such_function")
int BPF_PROG(no_typed_function)
{
	return 0;
}

SEC("tp_btf/netlens_no_such_tracepoint")
int BPF_PROG(no_typed_tracepoint)
{
	return 0;
}
