/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is known of DNS queries, what is counted of them, and how little of a packet is read for that. */
#ifndef NETLENS_DNS_H
#define NETLENS_DNS_H

#include "event.h"
#include "flow.h"
#include "share.h"

#define ETH_P_8021Q 0x8100
#define ICMP_PROTOCOL 1
#define ICMPV6_PROTOCOL 58
#define ICMP_UNREACHABLE 3 /* include/uapi/linux/icmp.h; code 4: too long */
#define ICMPV6_UNREACHABLE 1 /* include/uapi/linux/icmpv6.h */

#define UDP_HEADER 8
#define DNS_PORTS 4
#define DNS_QUESTION 128 /* bytes of a question that are looked at */
/* RFC 1035, 4.1.1 */
#define DNS_RESPONSE 0x80
#define DNS_OPCODE 0x78
#define DNS_TRUNCATED 0x02

#define SECOND 1000000000ULL
/* What a resolver waits for before it asks again (RES_TIMEOUT of resolv.h; also musl, Go), and what timers add. */
#define FIVE_SECONDS_FROM (SECOND * 9 / 2)
#define FIVE_SECONDS_TO (SECOND * 11 / 2)
#define ASKED_FOR (30 * SECOND) /* a question that comes again later is a new one */
#define NOT_AT_ONCE (SECOND * 9 / 10)
#define ANY_ID 0x10000 /* no query has it */
#define PASSES_WITHIN (SECOND / 10) /* from a device to the one below */
#define LATE_FOR (30 * SECOND) /* after its time an answer is waited for as long */

/* The name of a kind of device, as its first eight bytes are a number. */
#define KIND(a, b, c, d, e, f, g)                                                                                   \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 | \
	 (__u64)(g) << 48)

enum dns_outcome {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
	DNS_OTHER, /* another response code */
	DNS_ANSWERED, /* by TCP: the code was not seen */
	DNS_TIMED_OUT,
	DNS_UNREACHABLE, /* by an ICMP error, or the connection ended */
	DNS_OUTCOMES = 16, /* a power of two, for the verifier */
};

enum dns_fault {
	DNS_FAILED,
	DNS_SLOW,
	DNS_RETRIED,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rtnl_link_ops {
	const char *kind;
};

struct net_device___dns {
	const struct rtnl_link_ops *rtnl_link_ops;
};

struct sk_buff___dns {
	unsigned int data_len;
};

struct task_struct___dns {
	void *mm;
};

#pragma clang attribute pop

struct dns_settings {
	__u64 slow; /* ns above which an answer makes an event */
	__u64 timeout; /* ns without an answer */
	__u32 burst; /* events per second and key; 0: no events */
	__u32 servers; /* that each namespace has figures of its own for */
	__be16 ports[DNS_PORTS]; /* 0: none */
	__u32 names; /* questions are kept for events */
	__u32 pad;
};

struct dns_header {
	__u16 id;
	__u8 flags[2];
	__be16 questions;
	__be16 rest[3];
};

/* A query that is out. */
struct dns_query_key {
	__u8 local[16];
	__u8 server[16];
	__be16 port;
	__be16 server_port;
	__u16 id; /* 0: of TCP */
	__u8 family;
	__u8 protocol;
	__u32 netns; /* 0: its answer comes in by a device that may be in another one */
	__u32 netns_cookie;
};

struct dns_query {
	__u64 first; /* when it was sent */
	__u64 last; /* when it was sent again */
	__u64 cgroup;
	__u64 skb;
	__u64 hash; /* of the question */
	__u32 ifindex;
	__u32 netns;
	__u32 netns_cookie;
	__u32 pid;
	__u32 tid;
	__u32 sends;
	char comm[16];
	__u8 rootless;
	__u8 timed_out;
	__u8 pad[6];
	__u8 question[DNS_QUESTION]; /* all zero unless names are kept */
};

/* A question that has no answer yet: by its number, or with ANY_ID by who asks. */
struct dns_asked_key {
	__u64 hash;
	__u32 netns;
	__u32 netns_cookie;
	__u32 pid; /* 0: any */
	__u32 id;
};

struct dns_asked {
	__u64 last;
};

struct dns_server_key {
	__u8 address[16];
	__u32 netns;
	__u32 netns_cookie;
	__u8 family; /* 0: all servers beyond those that have figures of their own */
	__u8 protocol;
	__u8 rootless;
	__u8 pad;
};

struct dns_server {
	struct histogram histogram; /* of what was answered */
	__u64 outcomes[DNS_OUTCOMES];
	struct limiter limiter; /* of what failed */
	struct limiter slow;
};

struct dns_totals_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 rootless;
};

struct dns_totals {
	__u64 retries;
	__u64 five_seconds; /* of those */
	__u64 late;
	__u64 truncated;
	__u64 unread;
	__u64 servers;
	struct limiter limiter; /* of retries */
};

/* Queries that are or were in the maps, and those that were taken out: the rest is there, or was pushed out. */
struct dns_noted {
	__u64 made;
	__u64 over;
};

struct dns_event {
	struct event_head head; /* of who asked */
	struct flow flow; /* from the local end to the server */
	__u64 duration; /* since it was sent; of a retry since the query before */
	__u32 sends;
	__u8 fault;
	__u8 outcome;
	__u8 pad[2];
	__u8 question[DNS_QUESTION];
};

SETTINGS(struct dns_settings)
EVENT(dns_event)
MAP(servers, BPF_MAP_TYPE_HASH, 4096, struct dns_server_key, struct dns_server); /* set by the loader */
MAP(totals, BPF_MAP_TYPE_HASH, 1024, struct dns_totals_key, struct dns_totals); /* a quarter of that */
/* Those of namespaces that any user can make push out each other only. */
MAP(queries, BPF_MAP_TYPE_LRU_HASH, 4096, struct dns_query_key, struct dns_query);
MAP(rootless_queries, BPF_MAP_TYPE_LRU_HASH, 1024, struct dns_query_key, struct dns_query);
ONE(noted, BPF_MAP_TYPE_ARRAY, struct dns_noted, get_noted)
MAP(asks, BPF_MAP_TYPE_LRU_HASH, 8192, struct dns_asked_key, struct dns_asked);
MAP(rootless_asks, BPF_MAP_TYPE_LRU_HASH, 2048, struct dns_asked_key, struct dns_asked);
/* Too large for the stack. Softirqs are off where it is used: nothing else that uses it comes between. */
PER_CPU(fresh_query, struct dns_query, get_fresh_query)
ONE(fresh_server, BPF_MAP_TYPE_ARRAY, struct dns_server, get_fresh_server)

/* What is read of every packet: whether it is one of DNS. */
struct ports {
	__be16 sport; /* of ICMP: its type and code */
	__be16 dport;
	__u8 family;
	__u8 protocol;
	__u16 header; /* bytes of IP's */
};

struct ipv4_start {
	__u8 first;
	__u8 tos;
	__be16 words[2];
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__u8 addresses[8];
	__be16 ports[2];
} __attribute__((packed));

struct ipv6_start {
	__be32 first;
	__be16 length;
	__u8 next;
	__u8 hops;
	__u8 addresses[32];
	__be16 ports[2];
} __attribute__((packed));

static __always_inline bool is_transport(__u8 protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP;
}

static __always_inline bool find_ports4(struct ports *ports, const unsigned char *ip)
{
	struct ipv4_start start;

	if (bpf_probe_read_kernel(&start, sizeof(start), ip))
		return false;
	if ((!is_transport(start.protocol) && start.protocol != ICMP_PROTOCOL) || start.fragment & bpf_htons(0x1fff))
		return false;
	ports->family = 4;
	ports->protocol = start.protocol;
	ports->header = (start.first & 15) * 4;
	ports->sport = start.ports[0];
	ports->dport = start.ports[1];
	return ports->header == 20 || !bpf_probe_read_kernel(ports, 4, ip + ports->header);
}

/* Without headers in between: resolvers send none. */
static __always_inline bool find_ports6(struct ports *ports, const unsigned char *ip)
{
	struct ipv6_start start;

	if (bpf_probe_read_kernel(&start, sizeof(start), ip))
		return false;
	if (!is_transport(start.next) && start.next != ICMPV6_PROTOCOL)
		return false;
	ports->family = 6;
	ports->protocol = start.next;
	ports->header = 40;
	ports->sport = start.ports[0];
	ports->dport = start.ports[1];
	return true;
}

static __always_inline bool find_ports(struct ports *ports, const unsigned char *ip, __be16 type)
{
	if (type == bpf_htons(ETH_P_IP))
		return find_ports4(ports, ip);
	return type == bpf_htons(ETH_P_IPV6) && find_ports6(ports, ip);
}

static __always_inline bool is_port(const struct dns_settings *config, __be16 port)
{
	return port && (port == config->ports[0] || port == config->ports[1] || port == config->ports[2] ||
			port == config->ports[3]);
}

static __always_inline bool is_unreachable(const struct ports *ports)
{
	__u8 type = bpf_ntohs(ports->sport) >> 8, code = (__u8)bpf_ntohs(ports->sport);

	return ports->family == 4 ? ports->protocol == ICMP_PROTOCOL && type == ICMP_UNREACHABLE && code != 4
				  : ports->protocol == ICMPV6_PROTOCOL && type == ICMPV6_UNREACHABLE;
}

/* The local end is where an answer goes to, and where a query comes from. */
static __always_inline void fill_ends(struct dns_query_key *key, const struct ports *ports, const unsigned char *ip,
				      bool answer)
{
	__u8 *source = answer ? key->server : key->local, *destination = answer ? key->local : key->server;

	key->family = ports->family;
	key->protocol = ports->protocol;
	key->port = answer ? ports->dport : ports->sport;
	key->server_port = answer ? ports->sport : ports->dport;
	if (ports->family == 4) {
		bpf_probe_read_kernel(source, 4, ip + 12);
		bpf_probe_read_kernel(destination, 4, ip + 16);
	} else {
		bpf_probe_read_kernel(source, 16, ip + 8);
		bpf_probe_read_kernel(destination, 16, ip + 24);
	}
}

static __always_inline bool is_query(const struct dns_header *header)
{
	return !(header->flags[0] & (DNS_RESPONSE | DNS_OPCODE)) && header->questions == bpf_htons(1);
}

static __always_inline bool is_answer(const struct dns_header *header)
{
	return (header->flags[0] & (DNS_RESPONSE | DNS_OPCODE)) == DNS_RESPONSE;
}

static __always_inline __u8 outcome_of(const struct dns_header *header)
{
	__u8 code = header->flags[1] & 15;

	return code <= DNS_REFUSED ? code : DNS_OTHER;
}

/* That a name does not exist is an answer. */
static __always_inline bool is_failure(__u8 outcome)
{
	return outcome != DNS_NOERROR && outcome != DNS_NXDOMAIN && outcome != DNS_ANSWERED;
}

/*
 * Packets to such devices are met where the device below gets them, in whose namespace that may be: netif_receive_skb
 * is not told again of the one above.
 */
static __always_inline bool is_answered_elsewhere(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = BPF_CORE_READ((const struct net_device___dns *)dev, rtnl_link_ops);
	__u64 kind = 0;

	if (!ops)
		return false;
	bpf_probe_read_kernel_str(&kind, sizeof(kind), BPF_CORE_READ(ops, kind));
	return kind == KIND('v', 'l', 'a', 'n', 0, 0, 0) || kind == KIND('m', 'a', 'c', 'v', 'l', 'a', 'n') ||
	       kind == KIND('i', 'p', 'v', 'l', 'a', 'n', 0);
}

static __always_inline struct dns_query *query_of(const struct dns_query_key *key)
{
	return bpf_map_lookup_elem(&queries, key) ?: bpf_map_lookup_elem(&rootless_queries, key);
}

/* False: somebody else did. */
static __always_inline bool forget_query(const struct dns_query_key *key)
{
	struct dns_noted *noted = get_noted();

	if (!noted || (bpf_map_delete_elem(&queries, key) && bpf_map_delete_elem(&rootless_queries, key)))
		return false;
	add(&noted->over, 1);
	return true;
}

static __always_inline void fill_asked(struct dns_asked_key *key, const struct dns_query *query, __u32 id, __u32 pid)
{
	key->hash = query->hash;
	key->netns = query->netns;
	key->netns_cookie = query->netns_cookie;
	key->id = id;
	key->pid = pid;
}

/* NULL: there is no room, which is counted. */
static __always_inline struct dns_totals *totals_of(const struct dns_query *query)
{
	struct dns_totals_key key = { .netns = query->netns,
				      .netns_cookie = query->netns_cookie,
				      .rootless = query->rootless };
	struct dns_totals *value, none = {};

	value = key.netns ? lookup_or_share(&totals, &key, &none, key.rootless, SHARE_OVERFLOW) : NULL;
	if (!value)
		lost(LOSS_ENTRY);
	return value;
}

/* Beyond so many servers of a namespace the others have figures together. */
static __always_inline struct dns_server *server_of(const struct dns_query_key *query_key,
						    const struct dns_query *query, struct dns_totals *totals,
						    const struct dns_settings *config)
{
	struct dns_server_key key = { .netns = query->netns,
				      .netns_cookie = query->netns_cookie,
				      .family = query_key->family,
				      .protocol = query_key->protocol,
				      .rootless = query->rootless };
	struct dns_server *value, *none = get_fresh_server();

	if (!none)
		return NULL;
	__builtin_memcpy(key.address, query_key->server, sizeof(key.address));
	value = bpf_map_lookup_elem(&servers, &key);
	if (value)
		return value;
	if (totals->servers >= config->servers) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		key.family = 0;
	} else {
		add(&totals->servers, 1);
	}
	value = lookup_or_share(&servers, &key, none, key.rootless, SHARE_COUNTERS);
	if (!value)
		lost(LOSS_ENTRY);
	return value;
}

/* The limiter is that of all CPUs: of a race one more may get through, and what is held back is counted exactly. */
static __always_inline bool is_event(struct limiter *limiter, const struct dns_settings *config, bool rootless,
				     __u64 now)
{
	struct limiter mine = { .second = limiter->second, .sent = limiter->sent };
	bool admitted;

	if (!config->burst)
		return false;
	admitted = admit(&mine, now, config->burst) && (!rootless || admit_rootless(&mine, now, config->burst));
	limiter->second = mine.second;
	limiter->sent = mine.sent;
	if (mine.held)
		add(&limiter->held, mine.held);
	return admitted;
}

static __always_inline void report(void *ctx, const struct dns_query_key *key, const struct dns_query *query,
				   __u8 fault, __u8 outcome, __u64 now, __u64 duration)
{
	struct dns_event *event = begin_event(now, query->netns, query->netns_cookie, false);

	if (!event)
		return;
	event->head.rootless = query->rootless;
	event->head.pid = query->pid;
	event->head.tid = query->tid;
	event->head.cgroup = query->cgroup;
	__builtin_memcpy(event->head.comm, query->comm, sizeof(event->head.comm));
	__builtin_memcpy(event->flow.saddr, key->local, sizeof(event->flow.saddr));
	__builtin_memcpy(event->flow.daddr, key->server, sizeof(event->flow.daddr));
	event->flow.sport = key->port;
	event->flow.dport = key->server_port;
	event->flow.family = key->family;
	event->flow.protocol = key->protocol;
	event->duration = duration;
	event->sends = query->sends;
	event->fault = fault;
	event->outcome = outcome;
	__builtin_memcpy(event->question, query->question, sizeof(event->question));
	end_event(ctx, event, sizeof(*event));
}

#endif
