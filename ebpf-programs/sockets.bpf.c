// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Every TCP and UDP socket of the node from one walk of the kernel's hash tables: run on demand, attached to nothing.
//
// A run goes over some buckets and ends early where it has met many sockets; user space runs it until the table is
// over. Nothing is locked, so a chain counts only once its end was the right one and nothing had been put in front
// meanwhile; else it is walked again. Functions that are not static are verified once, however often they are called:
// that is how loops nest on kernels without bpf_loop.
#include "connection.h"
#include "udp.h"

#define LISTENING_NULLS_BASE (1U << 29) /* include/net/inet_hashtables.h */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node *next;
};

struct request_sock_queue {
	atomic_t qlen;
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	struct hlist_node icsk_listen_portaddr_node; /* before 5.19 what links listeners */
};

struct proto {
	union {
		struct udp_table *udp_table; /* until 7.1 */
	} h;
};

struct sock_common___proto {
	struct proto *skc_prot;
};

struct socket___sk {
	struct sock *sk;
};

struct file {
	void *private_data;
};

struct fdtable {
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct___files {
	struct files_struct *files;
};

#pragma clang attribute pop

/* Where the tables of a namespace are; in: net, and a descriptor of a UDP socket. Mirrored by SocketTables in C#. */
struct socket_tables {
	__u64 net;
	__u64 established;
	__u64 listening;
	__u64 udp; /* 0: not known */
	__u32 established_buckets;
	__u32 listening_buckets;
	__u32 udp_buckets;
	__u32 fd;
};

/* Mirrored by RoleTotals in C#. */
struct role_totals {
	__u32 connections;
	__u32 pad;
	__u64 retransmitted;
	__u64 lost;
	__u64 rtt; /* microseconds */
	__u32 rtts[RTT_SLOTS];
};

/* Mirrored by SocketTotals in C#. */
struct socket_totals {
	__u32 states[16]; /* enum tcp_state, net/tcp_states.h */
	__u64 receive;
	__u64 send;
	struct role_totals roles[ROLES];
	__u32 closing[AGES];
	__u32 waiting[AGES];
	__u32 pass;
	__u32 pad;
};

SHARED(totals, 256, struct socket_totals); /* by slot */
SHARED(tables, 1, struct socket_tables);
MAP(chain, BPF_MAP_TYPE_ARRAY, PART *PARTS, __u32, struct noted);
/*
 * Gives the next node; 0 where memory of a closed socket became another's meanwhile, which changes the hash: that of
 * both ends and the namespace.
 */
static __always_inline __u64 note_next(__u64 node, __u32 at)
{
	const struct sock_common *sk = socket_of(node);
	struct noted *noted = bpf_map_lookup_elem(&chain, &at);
	struct socket_walk *walk = get_walk();
	struct piece *piece = read_common(sk);
	__u32 hash;
	__u64 next;

	if (!noted || !walk || !piece)
		return 0;
	hash = COMMON(piece, struct sock_common___walk, skc_hash);
	next = NEXT_OF(piece);
	note(walk, noted, piece, sk);
	return FIELD(WALKED(sk), skc_hash) == hash ? next : 0;
}

__noinline __u64 note_socket(__u64 node, __u32 at)
{
	return note_next(node, at);
}

static __always_inline void count_role(struct role_totals *of, const struct noted *noted)
{
	__u64 slot;

	of->connections++;
	of->retransmitted += noted->retransmitted;
	of->lost += noted->lost;
	if (!noted->rtt)
		return;
	of->rtt += noted->rtt;
	slot = rtt_slot(noted->rtt);
	/* As histogram_add does. */
	barrier_var(slot);
	if (slot < RTT_SLOTS)
		of->rtts[slot]++;
}

static __always_inline void count_age(__u32 *ages, __u64 age)
{
	barrier_var(age);
	if (age && age <= AGES)
		ages[age - 1]++;
}

static __always_inline void count(struct socket_totals *of, const struct noted *noted)
{
	of->states[noted->state & 15]++;
	of->receive += noted->receive;
	of->send += noted->send;
	if (!noted->is_open)
		return;
	count_role(noted->role == SERVER ? &of->roles[SERVER] : &of->roles[CLIENT], noted);
	count_age(of->closing, noted->closing);
	count_age(of->waiting, noted->waiting);
}

static __always_inline bool count_noted(struct socket_walk *walk, __u32 at)
{
	struct noted *noted = bpf_map_lookup_elem(&chain, &at);
	struct socket_totals *of;

	if (!noted || at >= walk->noted)
		return false;
	of = bpf_map_lookup_elem(&totals, &noted->slot);
	if (!of) {
		walk->strangers++;
		return true;
	}
	if (of->pass != walk->pass) {
		__builtin_memset(of, 0, sizeof(*of));
		of->pass = walk->pass;
	}
	count(of, noted);
	return true;
}

__noinline int count_part(__u32 from)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (__u32 i = 0; i < PART; i++) {
		if (!count_noted(walk, from + i))
			break;
	}
	return 0;
}

/* Each function that is called costs as much as some fields. */
static __always_inline bool take_single(struct socket_walk *walk, __u64 address, __u32 bucket)
{
	__u64 first = word_at(address), end;

	if (!is_node(first))
		return false;
	end = note_next(first, 0);
	if (!(end & 1) || end >> 1 != bucket || word_at(address) != first)
		return false;
	walk->noted = 1;
	walk->sockets++;
	count_noted(walk, 0);
	return true;
}

#define CHAIN_PARTS PARTS
#include "established.h"

SEC("raw_tp/sys_enter")
int walk_established(void *ctx)
{
	return walk_connections();
}

#define IS_PLAIN_LIST bpf_core_field_exists(struct inet_connection_sock, icsk_listen_portaddr_node)

static __always_inline const struct sock_common *listener_of(__u64 node)
{
	if (IS_PLAIN_LIST)
		return (void *)(node - bpf_core_field_offset(struct inet_connection_sock, icsk_listen_portaddr_node));
	return socket_of(node);
}

static __always_inline void fill_listener(struct socket_record *record, const struct sock_common *sk)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	const struct sock___walk *queue = (const void *)sk;

	fill_address(record, sk);
	record->queue = BPF_CORE_READ(queue, sk_ack_backlog);
	record->limit = BPF_CORE_READ(queue, sk_max_ack_backlog);
	record->drops = drops_of(queue);
	record->half_open = BPF_CORE_READ(icsk, icsk_accept_queue.qlen.counter);
}

/* Gives the next node, 1 at the end of a plain list; 0 where there is no room for the record. */
__noinline __u64 note_listener(__u64 node)
{
	const struct sock_common *sk = listener_of(node);
	struct socket_walk *walk = get_walk();
	struct socket_record *record;

	if (!walk)
		return 0;
	record = next_record(walk);
	if (!record)
		return 0;
	record->slot = slot_of((__u64)BPF_CORE_READ(sk, skc_net.net));
	if (record->slot == ~0U) {
		walk->strangers++;
	} else if (BPF_CORE_READ(sk, skc_state) == TCP_LISTEN) {
		fill_listener(record, sk);
		note_port(walk, record->slot, record->port);
		walk->records++;
	}
	walk->sockets++;
	node = word_at(node);
	return IS_PLAIN_LIST && !node ? 1 : node;
}

__noinline __u64 note_listeners(__u64 node)
{
	for (int i = 0; i < PART; i++) {
		if (!is_node(node))
			break;
		node = note_listener(node);
	}
	return node;
}

/* Listeners stay what they are until a run is over (SOCK_RCU_FREE). False: torn, or no room. */
__noinline int walk_listeners(__u64 node, __u32 bucket)
{
	for (int i = 0; i < PARTS; i++) {
		if (!is_node(node))
			break;
		node = note_listeners(node);
	}
	return IS_PLAIN_LIST ? node == 1 : node >> 1 == bucket + LISTENING_NULLS_BASE;
}

/* False: no room for all of them, to be gone on with by another run. */
__noinline int walk_bucket(__u64 address, __u32 bucket)
{
	struct socket_walk *walk = get_walk();
	__u32 records, sockets, strangers;

	if (!walk)
		return false;
	records = walk->records;
	sockets = walk->sockets;
	strangers = walk->strangers;
	for (int i = 0; i < ATTEMPTS; i++) {
		__u64 first = word_at(address);

		if (!is_node(first) || (walk_listeners(first, bucket) && word_at(address) == first))
			return true;
		walk->records = records;
		walk->sockets = sockets;
		walk->strangers = strangers;
		if (walk->full)
			return false;
		walk->repeated++;
	}
	walk->torn++;
	return true;
}

/* Of a table whose buckets are larger than the head of their list. False: the run is over. */
static __always_inline int walk_larger(__u32 size, __u32 head, bool udp)
{
	struct socket_walk *walk = get_walk();
	struct heads *heads = get_heads();
	__u64 address;

	if (!walk || !heads || size > LARGEST_BUCKET || head > size - sizeof(__u64))
		return false;
	address = walk->table + (__u64)walk->next * size;
	if (bpf_probe_read_kernel(heads, CHUNK * size, (const void *)address))
		walk->torn++;
	for (__u32 i = 0; i < CHUNK; i++) {
		__u64 first = *(__u64 *)((void *)heads + i * size + head), bucket = address + i * size;

		if (!is_node(first) || walk->next + i >= walk->buckets)
			continue;
		if (!(udp ? walk_udp_chain(bucket) : walk_bucket(bucket + head, walk->next + i))) {
			walk->next += i;
			return false;
		}
		if (walk->sockets >= walk->until) {
			walk->next += i + 1;
			return false;
		}
	}
	walk->next += CHUNK;
	return true;
}

__noinline int walk_listening_chunk(void)
{
	return walk_larger(bpf_core_type_size(struct inet_listen_hashbucket),
			   bpf_core_field_offset(struct inet_listen_hashbucket, nulls_head), false);
}

__noinline int walk_udp_chunk(void)
{
	return walk_larger(bpf_core_type_size(struct udp_hslot), bpf_core_field_offset(struct udp_hslot, head), true);
}

static __always_inline int walk_chunks(bool udp)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 1;
	begin_run(walk);
	for (int i = 0; i < CHUNKS; i++) {
		if (walk->next >= walk->buckets || !(udp ? walk_udp_chunk() : walk_listening_chunk()))
			break;
	}
	return 0;
}

SEC("raw_tp/sys_enter")
int walk_listening(void *ctx)
{
	return walk_chunks(false);
}

SEC("raw_tp/sys_enter")
int walk_udp(void *ctx)
{
	return walk_chunks(true);
}

/* The namespace's; before 6.2 there was one for all, which any socket knows. */
static __always_inline const struct udp_table *udp_table_of(const struct socket_tables *asked)
{
	const struct net___tcp *net = (const void *)asked->net;
	struct task_struct___files *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	const struct socket___sk *socket;
	const struct sock_common___proto *sk;
	const struct proto *proto;

	if (bpf_core_field_exists(net->ipv4.udp_table))
		return BPF_CORE_READ(net, ipv4.udp_table);
	bpf_probe_read_kernel(&file, sizeof(file), files + asked->fd);
	socket = BPF_CORE_READ(file, private_data);
	sk = (void *)BPF_CORE_READ(socket, sk);
	proto = BPF_CORE_READ(sk, skc_prot);
	return bpf_core_field_exists(proto->h.udp_table) ? BPF_CORE_READ(proto, h.udp_table) : NULL;
}

/*
 * One for all namespaces, but that one can have connections, and UDP sockets, in a table of its own
 * (tcp_child_ehash_entries, 6.1; udp_child_hash_entries, 6.2).
 */
SEC("raw_tp/sys_enter")
int find_tables(void *ctx)
{
	const struct inet_hashinfo *info;
	const struct udp_table *udp;
	struct socket_tables *found;
	__u32 zero = 0;

	found = bpf_map_lookup_elem(&tables, &zero);
	if (!found)
		return 1;
	info = tables_of(found->net);
	found->established = (__u64)BPF_CORE_READ(info, ehash);
	found->established_buckets = BPF_CORE_READ(info, ehash_mask) + 1;
	found->listening = (__u64)BPF_CORE_READ(info, lhash2);
	found->listening_buckets = BPF_CORE_READ(info, lhash2_mask) + 1;
	udp = udp_table_of(found);
	found->udp = (__u64)BPF_CORE_READ(udp, hash);
	found->udp_buckets = BPF_CORE_READ(udp, mask) + 1;
	return 0;
}
