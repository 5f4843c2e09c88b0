// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Network namespaces of the whole node at once: the kernel's address of each, and its counters (MIBs) without text.
// Nothing is attached: user space runs these programs itself, with arguments, each time that it wants to know.
#include "offset.h"

/* Namespaces per run. */
#define BATCH 16

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
	void *i_private;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct___files {
	struct files_struct *files;
};

struct tcp_mib {
	unsigned long mibs[1];
};

struct linux_mib {
	unsigned long mibs[1];
};

struct ipstats_mib {
	__u64 mibs[1];
};

struct udp_mib {
	unsigned long mibs[1];
};

struct icmp_mib {
	unsigned long mibs[1];
};

struct icmpv6_mib {
	unsigned long mibs[1];
};

struct mptcp_mib {
	unsigned long mibs[1];
};

struct linux_xfrm_mib {
	unsigned long mibs[1];
};

struct icmpmsg_mib;
struct icmpv6msg_mib;

struct netns_mib {
	struct tcp_mib *tcp_statistics;
	struct linux_mib *net_statistics;
	struct ipstats_mib *ip_statistics;
	struct ipstats_mib *ipv6_statistics;
	struct udp_mib *udp_statistics;
	struct udp_mib *udp_stats_in6;
	struct udp_mib *udplite_statistics; /* until 7.1 */
	struct udp_mib *udplite_stats_in6;
	struct icmp_mib *icmp_statistics;
	struct icmpv6_mib *icmpv6_statistics;
	struct mptcp_mib *mptcp_statistics;
	struct linux_xfrm_mib *xfrm_statistics;
	struct icmpmsg_mib *icmpmsg_statistics;
	struct icmpv6msg_mib *icmpv6msg_statistics;
};

/* Sockets in use of each protocol, by struct proto's inuse_idx. */
struct prot_inuse {
	int all; /* 5.16 */
	int val[64];
};

struct netns_core {
	struct prot_inuse *prot_inuse;
	int *sock_inuse; /* until 5.15 */
};

/* atomic_t, atomic_long_t and refcount_t */
struct counter {
	int counter;
};

struct inet_timewait_death_row {
	struct counter tw_count; /* until 5.16 */
	struct counter tw_refcount; /* one more */
};

struct rhashtable {
	struct counter nelems;
};

struct fqdir {
	struct rhashtable rhashtable;
	struct counter mem;
};

struct ipv4_devconf {
	int data[1];
};

struct netns_ipv4 {
	struct ipv4_devconf *devconf_all;
	int sysctl_ip_default_ttl; /* later a byte */
	struct inet_timewait_death_row tcp_death_row;
	struct fqdir *fqdir;
};

struct netns_ipv6 {
	struct fqdir *fqdir;
};

struct net___mib {
	struct netns_mib mib;
	struct netns_core core;
	struct netns_ipv4 ipv4;
	struct netns_ipv6 ipv6;
};

/* 5.17 to 6.0 */
struct netns_ipv4___apart {
	struct inet_timewait_death_row *tcp_death_row;
};

struct net___apart {
	struct netns_ipv4___apart ipv4;
};

struct list_head {
	struct list_head *next;
};

struct proto {
	unsigned int inuse_idx;
	char name[32];
	struct list_head node;
};

struct sock_common___proto {
	struct proto *skc_prot;
};

struct socket {
	struct sock *sk;
};

#pragma clang attribute pop

/* Mirrored by NamespacePlace in C#. In: the descriptor. Out: the namespace, 0 where it is the descriptor of none. */
struct namespace_place {
	__u64 net;
	__u64 cookie; /* 0: the kernel has none, or nobody asked for it yet */
	__u32 fd;
	__u32 inum;
};

SHARED(places, BATCH, struct namespace_place);

/* Open files of the calling process. */
struct files {
	struct file **fd;
	__u32 most;
};

static __always_inline struct files own_files(void)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);

	return (struct files){ BPF_CORE_READ(table, fd), BPF_CORE_READ(table, max_fds) };
}

static __always_inline struct file *file_of(const struct files *files, __u64 fd)
{
	struct file *file = NULL;

	if (fd < files->most)
		bpf_probe_read_kernel(&file, sizeof(file), files->fd + fd);
	return file;
}

static __always_inline void place(struct namespace_place *place, const struct files *files)
{
	struct file *file = file_of(files, place->fd);
	void *common = BPF_CORE_READ(file, f_inode, i_private);
	struct net *net;

	place->net = 0;
	if (!common)
		return;
	net = common - bpf_core_field_offset(struct net, ns);
	place->inum = BPF_CORE_READ(net, ns.inum);
	place->cookie = 0;
	if (bpf_core_field_exists(net->net_cookie))
		bpf_core_read(&place->cookie, sizeof(place->cookie), &net->net_cookie);
	place->net = (__u64)net;
}

/* Finds the namespaces of descriptors of the calling process: ctx[0] says how many. */
SEC("raw_tp")
int find_namespaces(__u64 *ctx)
{
	struct files files = own_files();

	for (__u32 i = 0; i < BATCH; i++) {
		__u32 key = i;
		struct namespace_place *at = bpf_map_lookup_elem(&places, &key);

		if (!at || i >= ctx[0])
			break;
		place(at, &files);
	}
	return 0;
}

/* Protocols that have registered themselves; mirrored by ProtocolSlot in C#. */
struct protocol_slot {
	char name[32];
	__u32 slot; /* of struct prot_inuse */
	__u32 pad;
};

#define MOST_PROTOCOLS 80 /* 64 can have a slot */

SHARED(protocols, MOST_PROTOCOLS, struct protocol_slot);

/*
 * Finds all protocols by a socket of any: they are a ring. ctx[0]: the socket's descriptor. One of those told is the
 * ring's beginning, which is no protocol and has no name.
 */
SEC("raw_tp")
int find_protocols(__u64 *ctx)
{
	struct files files = own_files();
	struct file *file = file_of(&files, ctx[0]);
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock_common___proto *sk = (void *)BPF_CORE_READ(socket, sk);
	struct proto *first = BPF_CORE_READ(sk, skc_prot);
	struct proto *proto = first;

	for (__u32 i = 0; i < MOST_PROTOCOLS; i++) {
		__u32 key = i;
		struct protocol_slot *at = bpf_map_lookup_elem(&protocols, &key);
		struct list_head *next;

		if (!at || !proto)
			break;
		bpf_core_read(at->name, sizeof(at->name), &proto->name);
		at->slot = BPF_CORE_READ(proto, inuse_idx);
		next = BPF_CORE_READ(proto, node.next);
		proto = (void *)next - bpf_core_field_offset(struct proto, node);
		if (proto == first)
			return 0;
	}
	return 1;
}

/* Of this CPU. */
SEC("raw_tp")
int find_offset(__u64 *ctx)
{
	__u32 zero = 0;

	return tell_offset(bpf_map_lookup_elem(&marker, &zero));
}

/* The kinds of counters that are kept per CPU, in the order in which they stand in struct mib_words. */
enum mib {
	TCP,
	TCPEXT,
	IP,
	IP6,
	UDP,
	UDP6,
	ICMP,
	ICMP6,
	XFRM,
	UDPLITE,
	UDPLITE6,
	MPTCP,
	SOCKETS, /* in use, by protocol */
	SOCKETS_USED, /* of all families */
	MIBS,
};

/* The counters of a namespace on one CPU. Mirrored by MibWords in C#. What a kernel has beyond stays with /proc. */
struct mib_words {
	__u64 tcp[16];
	__u64 tcpext[160];
	__u64 ip[40];
	__u64 ip6[40];
	__u64 udp[12];
	__u64 udp6[12];
	__u64 icmp[32];
	__u64 icmp6[8];
	__u64 xfrm[40];
	__u64 udplite[12];
	__u64 udplite6[12];
	__u64 mptcp[96];
	__u32 sockets[64];
	__u32 sockets_used[2]; /* the first */
};

#define ICMP_SENT 256
#define ICMP_TYPES (2 * ICMP_SENT) /* those received, then those sent */

/* What a namespace has once. Mirrored by MibOnce in C#. In: net. Out: the rest. */
struct mib_once {
	__u64 net;
	__u64 mibs[MIBS]; /* per-CPU variables; 0: this kernel or this namespace has no such counters */
	__u64 forwarding;
	__u64 ttl;
	__u64 icmp_types[ICMP_TYPES];
	__u64 icmp6_types[ICMP_TYPES];
	__u64 time_wait;
	__u64 fragments[2]; /* IPv4, IPv6 */
	__u64 fragment_memory[2];
};

/* What is wanted of it: read_once's ctx[1]. */
enum {
	ALL_TYPES = 1,
	WITH_SOCKETS = 2,
};

SHARED(once, BATCH, struct mib_once);
SHARED(words, BATCH, struct mib_words);

/* The most bytes that struct netns_mib may have. */
#define MOST_POINTERS 256

/* One read for all of them: each costs as much as the whole. */
#define POINTER(member) *(void **)(pointers + bpf_core_field_offset(struct netns_mib, member))
#define FIND(kind, member)                                   \
	if (bpf_core_field_exists(struct netns_mib, member)) \
	at->mibs[kind] = (__u64)POINTER(member)

/* Each line of the cache that is not read is time won: most types never occur. */
static __always_inline long read_some(__u64 *to, const __u64 *from, __u32 first, __u32 count)
{
	return bpf_probe_read_kernel(to + first, count * 8, from + first) |
	       bpf_probe_read_kernel(to + ICMP_SENT + first, count * 8, from + ICMP_SENT + first);
}

/* Those with names in /proc are 0 to 18 (net/ipv4/proc.c). */
static __always_inline long read_types(__u64 *to, const __u64 *from, bool all)
{
	if (!from)
		return 0;
	return all ? bpf_probe_read_kernel(to, ICMP_TYPES * 8, from) : read_some(to, from, 0, 24);
}

/* Those with names in /proc are 1 to 4 and 128 to 143 (net/ipv6/proc.c). */
static __always_inline long read_types6(__u64 *to, const __u64 *from, bool all)
{
	if (!from)
		return 0;
	if (all)
		return bpf_probe_read_kernel(to, ICMP_TYPES * 8, from);
	return read_some(to, from, 0, 8) | read_some(to, from, 128, 16);
}

static __always_inline long find_mibs(struct mib_once *at, struct net___mib *net, bool all_types)
{
	__u64 buffer[MOST_POINTERS / 8];
	void *pointers = buffer;
	__u32 size = bpf_core_type_size(struct netns_mib);
	long failed;

	if (size > MOST_POINTERS)
		return 1;
	if (bpf_probe_read_kernel(pointers, size, &net->mib))
		return 1;
	FIND(TCP, tcp_statistics);
	FIND(TCPEXT, net_statistics);
	FIND(IP, ip_statistics);
	FIND(IP6, ipv6_statistics);
	FIND(UDP, udp_statistics);
	FIND(UDP6, udp_stats_in6);
	FIND(ICMP, icmp_statistics);
	FIND(ICMP6, icmpv6_statistics);
	FIND(XFRM, xfrm_statistics);
	FIND(UDPLITE, udplite_statistics);
	FIND(UDPLITE6, udplite_stats_in6);
	FIND(MPTCP, mptcp_statistics);
	failed = read_types(at->icmp_types, POINTER(icmpmsg_statistics), all_types);
	if (bpf_core_field_exists(struct netns_mib, icmpv6msg_statistics))
		failed |= read_types6(at->icmp6_types, POINTER(icmpv6msg_statistics), all_types);
	return failed;
}

static __always_inline __u64 time_wait(struct net___mib *net)
{
	struct net___apart *apart = (void *)net;
	struct inet_timewait_death_row *row;
	int count = 0;

	/* Each way behind its own branch: what a kernel does not have must not be reached. */
	if (bpf_core_field_exists(apart->ipv4.tcp_death_row))
		row = BPF_CORE_READ(apart, ipv4.tcp_death_row);
	else
		row = &net->ipv4.tcp_death_row;
	if (bpf_core_field_exists(row->tw_count)) {
		bpf_core_read(&count, sizeof(count), &row->tw_count);
		return (__s64)count;
	}
	bpf_core_read(&count, sizeof(count), &row->tw_refcount);
	return (__s64)count - 1;
}

static __always_inline long find_fragments(struct mib_once *at, struct fqdir *queue, __u32 family)
{
	__u32 count = 0;
	long failed = bpf_core_read(&count, sizeof(count), &queue->rhashtable.nelems);

	at->fragments[family] = count;
	return failed | bpf_core_read(&at->fragment_memory[family], sizeof(__u64), &queue->mem);
}

/* What /proc/net/sockstat and sockstat6 tell of a namespace. */
static __always_inline long find_sockets(struct mib_once *at, struct net___mib *net)
{
	struct fqdir *ipv6 = NULL;
	__u64 inuse;

	if (!bpf_core_field_exists(net->core.prot_inuse) || !bpf_core_field_exists(net->ipv4.fqdir))
		return 0;
	if (bpf_core_field_exists(net->ipv6.fqdir))
		ipv6 = BPF_CORE_READ(net, ipv6.fqdir);
	inuse = (__u64)BPF_CORE_READ(net, core.prot_inuse);
	at->mibs[SOCKETS] = inuse + bpf_core_field_offset(struct prot_inuse, val);
	if (bpf_core_field_exists(struct prot_inuse, all))
		at->mibs[SOCKETS_USED] = inuse + bpf_core_field_offset(struct prot_inuse, all);
	else
		at->mibs[SOCKETS_USED] = (__u64)BPF_CORE_READ(net, core.sock_inuse);
	at->time_wait = time_wait(net);
	return find_fragments(at, BPF_CORE_READ(net, ipv4.fqdir), 0) | (ipv6 ? find_fragments(at, ipv6, 1) : 0);
}

static __always_inline long look(struct mib_once *at, __u64 wanted)
{
	struct net___mib *net = (void *)at->net;
	struct netns_ipv4 *ipv4 = &net->ipv4;
	long failed = 0;

	if (wanted & WITH_SOCKETS)
		failed = find_sockets(at, net);
	at->forwarding = BPF_CORE_READ(ipv4, devconf_all, data[0]) == 1 ? 1 : 2;
	at->ttl = BPF_CORE_READ_BITFIELD_PROBED(ipv4, sysctl_ip_default_ttl);
	return failed | find_mibs(at, net, wanted & ALL_TYPES);
}

/* Reads what each namespace has once. ctx[0]: how many; ctx[1]: what of it. */
SEC("raw_tp")
int read_once(__u64 *ctx)
{
	long failed = 0;

	for (__u32 i = 0; i < BATCH; i++) {
		__u32 key = i;
		struct mib_once *at = bpf_map_lookup_elem(&once, &key);

		if (!at || i >= ctx[0])
			break;
		if (look(at, ctx[1]))
			failed++;
	}
	return failed;
}

/* Skipped: not wanted, or not there. */
#define COPY(kind, member, type)                                                                \
	if (ctx[2] >> kind & 1 && at->mibs[kind] && bpf_core_field_exists(struct type, mibs)) { \
		__u32 size = bpf_core_field_size(struct type, mibs);                            \
                                                                                                \
		if (size > sizeof(to->member))                                                  \
			size = sizeof(to->member);                                              \
		if (bpf_probe_read_kernel(to->member, size, (void *)(at->mibs[kind] + ctx[1]))) \
			failed++;                                                               \
	}

static __always_inline long copy_sockets(struct mib_words *to, const struct mib_once *at, __u64 offset)
{
	__u32 size = bpf_core_field_size(struct prot_inuse, val);

	if (size > sizeof(to->sockets))
		size = sizeof(to->sockets);
	return bpf_probe_read_kernel(to->sockets, size, (void *)(at->mibs[SOCKETS] + offset)) |
	       bpf_probe_read_kernel(to->sockets_used, sizeof(int), (void *)(at->mibs[SOCKETS_USED] + offset));
}

/* Copies the counters of a CPU. ctx[0]: of how many namespaces; ctx[1]: the CPU's offset; ctx[2]: bits of enum mib. */
SEC("raw_tp")
int read_words(__u64 *ctx)
{
	long failed = 0;

	for (__u32 i = 0; i < BATCH; i++) {
		__u32 key = i;
		struct mib_once *at = bpf_map_lookup_elem(&once, &key);
		struct mib_words *to = bpf_map_lookup_elem(&words, &key);

		if (!at || !to || i >= ctx[0])
			break;
		COPY(TCP, tcp, tcp_mib);
		COPY(TCPEXT, tcpext, linux_mib);
		COPY(IP, ip, ipstats_mib);
		COPY(IP6, ip6, ipstats_mib);
		COPY(UDP, udp, udp_mib);
		COPY(UDP6, udp6, udp_mib);
		COPY(ICMP, icmp, icmp_mib);
		COPY(ICMP6, icmp6, icmpv6_mib);
		COPY(XFRM, xfrm, linux_xfrm_mib);
		COPY(UDPLITE, udplite, udp_mib);
		COPY(UDPLITE6, udplite6, udp_mib);
		COPY(MPTCP, mptcp, mptcp_mib);
		if (ctx[2] >> SOCKETS & 1 && at->mibs[SOCKETS] && copy_sockets(to, at, ctx[1]))
			failed++;
	}
	return failed;
}
