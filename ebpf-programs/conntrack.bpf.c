// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Connection tracking of all namespaces: entries and counters, without a netlink dump of each. Attached to nothing.
#include "maps.h"

/* Namespaces per run. */
#define BATCH 16

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ip_conntrack_stat {
	unsigned int found;
	unsigned int invalid;
	unsigned int insert;
	unsigned int insert_failed;
	unsigned int clash_resolve; /* 5.10 */
	unsigned int drop;
	unsigned int early_drop;
	unsigned int error;
	unsigned int search_restart;
	unsigned int chaintoolong; /* 5.15 */
};

struct counter {
	int counter;
};

struct netns_ct {
	struct counter count; /* until 5.12 */
	struct ip_conntrack_stat *stat;
	unsigned int sysctl_max; /* a limit of the namespace's own */
};

struct net_generic {
	struct {
		unsigned int len;
	} s;
	void *ptr[0];
};

struct net___ct {
	struct netns_ct ct;
	struct net_generic *gen;
};

struct ctl_table {
	const char *procname;
	void *data;
};

struct ctl_table_header {
	struct ctl_table *ctl_table_arg;
};

/* The module's own, from 5.13. */
struct nf_conntrack_net {
	struct counter count;
	struct ctl_table_header *sysctl_header;
};

#pragma clang attribute pop

/* Mirrored by ConntrackPlace in C#. In: net. Out: the rest. */
struct conntrack_place {
	__u64 net;
	__u64 counters; /* a per-CPU variable */
	__u32 entries;
	__u32 pad;
};

/* By number of the attribute: enum ctattr_stats_cpu. Mirrored by ConntrackCounters in C#. */
struct conntrack_counters {
	__u32 values[16];
};

enum {
	CTA_STATS_FOUND = 2,
	CTA_STATS_INVALID = 4,
	CTA_STATS_INSERT = 8,
	CTA_STATS_INSERT_FAILED,
	CTA_STATS_DROP,
	CTA_STATS_EARLY_DROP,
	CTA_STATS_ERROR,
	CTA_STATS_SEARCH_RESTART,
	CTA_STATS_CLASH_RESOLVE,
	CTA_STATS_CHAIN_TOOLONG,
};

SHARED(places, BATCH, struct conntrack_place);
SHARED(counters, BATCH, struct conntrack_counters);

#define IS_OF_NAMESPACE bpf_core_field_exists(struct netns_ct, count)
#define MOST_MODULES 256
#define NAME "nf_conntrack_count"

/* Its table of settings has the address of its count. */
static __always_inline bool is_conntrack(struct nf_conntrack_net *candidate)
{
	struct ctl_table_header *header = BPF_CORE_READ(candidate, sysctl_header);
	struct ctl_table *setting = BPF_CORE_READ(header, ctl_table_arg);
	void *count = (void *)candidate + bpf_core_field_offset(struct nf_conntrack_net, count);
	char name[sizeof(NAME)] = {};

	/* The first is the limit. */
	setting = (void *)setting + bpf_core_type_size(struct ctl_table);
	if (BPF_CORE_READ(setting, data) != count)
		return false;
	if (bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(setting, procname)) != sizeof(name))
		return false;
	for (int i = 0; i < (int)sizeof(name); i++)
		if (name[i] != NAME[i])
			return false;
	return true;
}

/*
 * What modules have for each namespace stands in an array; finds which is connection tracking's. ctx[0]: the node's own
 * namespace. 0: none; of a kernel that has it in the namespace itself, any other number.
 */
SEC("raw_tp")
int find_tables(__u64 *ctx)
{
	struct net___ct *net = (void *)ctx[0];
	struct net_generic *all = BPF_CORE_READ(net, gen);
	__u32 count = BPF_CORE_READ(all, s.len);

	if (bpf_core_field_exists(struct netns_ct, sysctl_max) || !bpf_core_field_exists(struct netns_ct, stat))
		return 0;
	if (IS_OF_NAMESPACE)
		return MOST_MODULES;
	if (!bpf_core_field_exists(struct nf_conntrack_net, count))
		return 0;
	for (__u32 i = 1; i < MOST_MODULES; i++) {
		void *candidate = NULL;

		if (i >= count)
			break;
		bpf_core_read(&candidate, sizeof(candidate), &all->ptr[0] + i);
		if (candidate && is_conntrack(candidate))
			return i;
	}
	return 0;
}

/* Where each namespace has its counters, and its entries. ctx[0]: how many; ctx[1]: what find_tables said. */
SEC("raw_tp")
int read_entries(__u64 *ctx)
{
	long failed = 0;

	for (__u32 i = 0; i < BATCH; i++) {
		__u32 key = i;
		struct conntrack_place *at = bpf_map_lookup_elem(&places, &key);
		struct net___ct *net;
		struct nf_conntrack_net *its = NULL;
		struct net_generic *all;

		if (!at || i >= ctx[0])
			break;
		net = (void *)at->net;
		at->counters = (__u64)BPF_CORE_READ(net, ct.stat);
		if (IS_OF_NAMESPACE) {
			failed += !!bpf_core_read(&at->entries, sizeof(int), &net->ct.count);
			continue;
		}
		all = BPF_CORE_READ(net, gen);
		bpf_core_read(&its, sizeof(its), &all->ptr[0] + (ctx[1] & (MOST_MODULES - 1)));
		failed += !!bpf_core_read(&at->entries, sizeof(int), &its->count);
	}
	return failed;
}

/* One read for all: each costs as much as the whole. */
#define MOST_BYTES 128
#define TAKE(attribute, member)                                      \
	if (bpf_core_field_exists(struct ip_conntrack_stat, member)) \
	to->values[attribute] = *(__u32 *)(all + bpf_core_field_offset(struct ip_conntrack_stat, member))

/* Copies the counters of a CPU. ctx[0]: of how many namespaces; ctx[1]: the CPU's offset. */
SEC("raw_tp")
int read_counters(__u64 *ctx)
{
	__u32 size = bpf_core_type_size(struct ip_conntrack_stat);
	long failed = 0;

	if (size > MOST_BYTES)
		return 1;
	for (__u32 i = 0; i < BATCH; i++) {
		__u32 key = i;
		struct conntrack_place *at = bpf_map_lookup_elem(&places, &key);
		struct conntrack_counters *to = bpf_map_lookup_elem(&counters, &key);
		__u64 buffer[MOST_BYTES / 8];
		void *all = buffer;

		if (!at || !to || i >= ctx[0])
			break;
		if (!at->counters)
			continue;
		if (bpf_probe_read_kernel(buffer, size, (void *)(at->counters + ctx[1]))) {
			failed++;
			continue;
		}
		TAKE(CTA_STATS_FOUND, found);
		TAKE(CTA_STATS_INVALID, invalid);
		TAKE(CTA_STATS_INSERT, insert);
		TAKE(CTA_STATS_INSERT_FAILED, insert_failed);
		TAKE(CTA_STATS_DROP, drop);
		TAKE(CTA_STATS_EARLY_DROP, early_drop);
		TAKE(CTA_STATS_ERROR, error);
		TAKE(CTA_STATS_SEARCH_RESTART, search_restart);
		TAKE(CTA_STATS_CLASH_RESOLVE, clash_resolve);
		TAKE(CTA_STATS_CHAIN_TOOLONG, chaintoolong);
	}
	return failed;
}
