// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// DNS queries of sockets: where they leave by the socket's own namespace, and where the answer comes into it. How long
// that took, what was answered, what was asked again or never answered; the slow and the failed ones as events.
#include "dns.h"

/* A packet at a device: all that is made of one that is not looked at further. */
struct packet {
	const struct sk_buff *skb;
	const struct net_device *dev;
	const unsigned char *ip;
	struct ports ports;
};

/* One that is. */
struct sight {
	const struct sk_buff *skb;
	const struct net_device *dev;
	const unsigned char *data; /* of the transport header */
	struct ports ports;
	struct dns_query_key key; /* without namespace and id */
	__u64 length; /* bytes from there on */
	__u64 linear; /* of those that can be read */
};

/* Whose it is, and where the rest of it ends. The addresses and ports are those of the packet. */
static __always_inline void fill_sight(struct sight *sight, const struct packet *packet, bool answer)
{
	const unsigned char *ip = packet->ip;
	const struct sk_buff *skb = packet->skb;
	const unsigned char *data = BPF_CORE_READ(skb, data), *end = data + BPF_CORE_READ(skb, len);
	__u32 paged = BPF_CORE_READ((const struct sk_buff___dns *)skb, data_len);
	__s64 length;

	sight->skb = skb;
	sight->dev = packet->dev;
	sight->ports = packet->ports;
	sight->data = ip + sight->ports.header;
	length = end - sight->data;
	sight->length = length > 0 ? length : 0;
	sight->linear = length > paged ? length - paged : 0;
	fill_ends(&sight->key, &sight->ports, ip, answer);
}

/* 0: the beginning of it cannot be read. Else where the message begins, behind the transport header. */
static __always_inline const unsigned char *message_of(const struct sight *sight, struct dns_header *header)
{
	if (sight->linear < UDP_HEADER + sizeof(*header) ||
	    bpf_probe_read_kernel(header, sizeof(*header), sight->data + UDP_HEADER))
		return NULL;
	return sight->data + UDP_HEADER;
}

/* Bytes of data in a segment. By IP's own length: a short frame comes with padding behind. */
static __always_inline __u64 segment_length(const struct sight *sight, __u8 *flags)
{
	bool is_ipv4 = sight->ports.family == 4;
	__u64 header, length = sight->length, own;
	__u8 words[2] = {};
	__be16 field = 0;

	bpf_probe_read_kernel(words, sizeof(words), sight->data + 12);
	*flags = words[1];
	header = (words[0] >> 4) * 4;
	bpf_probe_read_kernel(&field, sizeof(field), sight->data - sight->ports.header + (is_ipv4 ? 2 : 4));
	own = bpf_ntohs(field);
	header += is_ipv4 ? sight->ports.header : 0;
	length += is_ipv4 ? sight->ports.header : 0;
	/* What is larger than the header's field can tell has none there. */
	if (own && own < length)
		length = own;
	return length > header ? length - header : 0;
}

/* Not read by anybody as a name: the bytes of the question and what is behind, whatever they are. */
static __always_inline __u64 read_question(struct dns_query *query, const struct sight *sight)
{
	__u64 length = sight->linear - UDP_HEADER - sizeof(struct dns_header), hash = 0;
	__u64 *words = (__u64 *)query->question;

	if (length > sizeof(query->question))
		length = sizeof(query->question);
	barrier_var(length);
	if (length > sizeof(query->question))
		return 0;
	bpf_probe_read_kernel(query->question, length, sight->data + UDP_HEADER + sizeof(struct dns_header));
#pragma unroll
	for (int i = 0; i < (int)sizeof(query->question) / 8; i++) {
		hash = (hash ^ words[i]) * 0x9E3779B97F4A7C15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

/* It waited for so long when it was sent again. */
static __always_inline void sent_again(void *ctx, const struct dns_query_key *key, const struct dns_query *query,
				       __u64 now, __u64 waited)
{
	struct dns_totals *totals = totals_of(query);
	struct dns_settings *config = get_settings();

	if (!totals || !config)
		return;
	add(&totals->retries, 1);
	if (waited >= FIVE_SECONDS_FROM && waited <= FIVE_SECONDS_TO)
		add(&totals->five_seconds, 1);
	if (is_event(&totals->limiter, config, query->rootless, now))
		report(ctx, key, query, DNS_RETRIED, 0, now, waited);
}

/* Of the same question when it was asked before; 0: it was not, or was answered. */
static __always_inline __u64 asked_before(const struct dns_asked_key *key, __u64 now, __u64 least)
{
	struct dns_asked *asked = bpf_map_lookup_elem(&asks, key);

	if (!asked)
		asked = bpf_map_lookup_elem(&rootless_asks, key);
	if (!asked || now - asked->last < least || now - asked->last > ASKED_FOR)
		return 0;
	return now - asked->last;
}

/*
 * Another query of the same question: with the same number, from whatever port to whatever server; or by the same
 * process once so long has gone by that it would not ask twice at once.
 */
static __always_inline void note_question(void *ctx, const struct dns_query_key *key, struct dns_query *query,
					  __u64 now)
{
	struct dns_asked_key by_id = {}, by_process = {};
	struct dns_asked asked = { .last = now };
	__u64 waited;

	fill_asked(&by_id, query, key->id, 0);
	fill_asked(&by_process, query, ANY_ID, query->pid);
	waited = asked_before(&by_id, now, 0);
	if (!waited && query->pid)
		waited = asked_before(&by_process, now, NOT_AT_ONCE);
	if (waited) {
		query->sends = 2;
		sent_again(ctx, key, query, now, waited);
	}
	if (query->rootless) {
		bpf_map_update_elem(&rootless_asks, &by_id, &asked, BPF_ANY);
		bpf_map_update_elem(&rootless_asks, &by_process, &asked, BPF_ANY);
	} else {
		bpf_map_update_elem(&asks, &by_id, &asked, BPF_ANY);
		bpf_map_update_elem(&asks, &by_process, &asked, BPF_ANY);
	}
}

static __always_inline void begin_query(struct dns_query *query, const struct sight *sight, struct netns ns, __u64 now)
{
	const struct net_device *dev = sight->dev;
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memset(query, 0, sizeof(*query));
	query->first = query->last = now;
	query->skb = (__u64)sight->skb;
	query->ifindex = BPF_CORE_READ(dev, ifindex);
	query->netns = ns.inum;
	query->netns_cookie = ns.cookie;
	query->rootless = ns.rootless;
	query->sends = 1;
	/* A thread of the kernel has not asked: it sends what had to wait for the next hop's address. */
	if (!BPF_CORE_READ((const struct task_struct___dns *)bpf_get_current_task(), mm))
		return;
	query->pid = id >> 32;
	query->tid = (__u32)id;
	query->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(query->comm, sizeof(query->comm));
}

/* The same packet at the device below, as that of a bond or a bridge is. */
static __always_inline bool is_below(const struct dns_query *query, const struct sight *sight, __u64 now)
{
	const struct net_device *dev = sight->dev;

	return query->skb == (__u64)sight->skb && query->ifindex != (__u32)BPF_CORE_READ(dev, ifindex) &&
	       now - query->last < PASSES_WITHIN;
}

static __always_inline void count_unread(struct netns ns)
{
	struct dns_query whose = { .netns = ns.inum, .netns_cookie = ns.cookie, .rootless = ns.rootless };
	struct dns_totals *totals = totals_of(&whose);

	if (totals)
		add(&totals->unread, 1);
}

/* Hidden: one copy for all programs, which the verifier looks at with what each has. */
__hidden __noinline int asked(void *ctx, const struct packet *packet)
{
	const struct net_device *dev = packet->dev;
	const struct sk_buff *skb = packet->skb;
	const struct net *net = BPF_CORE_READ(dev, nd_net.net);
	struct dns_query *query, *fresh = get_fresh_query();
	struct dns_settings *config = get_settings();
	__u64 now = bpf_ktime_get_ns();
	struct dns_header header = {};
	struct dns_noted *noted;
	struct sight sight = {};
	struct netns ns;
	__u8 flags;

	/* Elsewhere it has been counted already. */
	if (!config || !fresh || BPF_CORE_READ(skb, sk, __sk_common.skc_net.net) != net)
		return 0;
	ns = netns_of_net(net, false);
	fill_sight(&sight, packet, false);
	if (sight.ports.protocol == IPPROTO_UDP) {
		if (!message_of(&sight, &header)) {
			if (sight.length >= UDP_HEADER + sizeof(header))
				count_unread(ns);
			return 0;
		}
		if (!is_query(&header))
			return 0;
		sight.key.id = header.id;
	} else if (!segment_length(&sight, &flags)) {
		return 0;
	}
	query = query_of(&sight.key);
	if (!is_answered_elsewhere(sight.dev)) {
		/* Such a device above has met it already. */
		if (query && (sight.ports.protocol == IPPROTO_TCP || is_below(query, &sight, now)))
			return 0;
		sight.key.netns = ns.inum;
		sight.key.netns_cookie = ns.cookie;
		query = query_of(&sight.key);
	}
	if (query) {
		__u64 waited = now - query->last;

		/* Of a stream only the first piece of the first query is told from others. */
		if (sight.ports.protocol == IPPROTO_TCP || is_below(query, &sight, now))
			return 0;
		query->last = now;
		query->skb = (__u64)sight.skb;
		query->ifindex = BPF_CORE_READ(dev, ifindex);
		query->sends++;
		sent_again(ctx, &sight.key, query, now, waited);
		return 0;
	}
	begin_query(fresh, &sight, ns, now);
	if (sight.ports.protocol == IPPROTO_UDP) {
		fresh->hash = read_question(fresh, &sight);
		if (!config->names)
			__builtin_memset(fresh->question, 0, sizeof(fresh->question));
		note_question(ctx, &sight.key, fresh, now);
	}
	noted = get_noted();
	if (!noted)
		return 0;
	if (ns.rootless ? bpf_map_update_elem(&rootless_queries, &sight.key, fresh, BPF_NOEXIST)
			: bpf_map_update_elem(&queries, &sight.key, fresh, BPF_NOEXIST))
		lost(LOSS_ENTRY);
	else
		add(&noted->made, 1);
	return 0;
}

static __always_inline void leaves(void *ctx, const struct sk_buff *skb, bool typed)
{
	struct packet packet = { .skb = skb, .dev = GET(typed, skb, dev) };
	struct dns_settings *config = get_settings();

	/* What is forwarded has no socket. */
	if (!config || !GET(typed, skb, sk))
		return;
	packet.ip = GET(typed, skb, head) + GET(typed, skb, network_header);
	if (find_ports(&packet.ports, packet.ip, GET(typed, skb, protocol)) && is_transport(packet.ports.protocol) &&
	    is_port(config, packet.ports.dport))
		asked(ctx, &packet);
}

/* The one that takes it out of the map is the one that counts it. */
static __always_inline struct dns_query *take_query(struct dns_query_key *key)
{
	struct dns_query *query = query_of(key), *taken = get_fresh_query();

	if (!query && key->netns) {
		key->netns = key->netns_cookie = 0;
		query = query_of(key);
	}
	if (!query || !taken)
		return NULL;
	__builtin_memcpy(taken, query, sizeof(*taken));
	return forget_query(key) ? taken : NULL;
}

static __always_inline void forget_question(const struct dns_query_key *key, const struct dns_query *query)
{
	struct dns_asked_key by_id = {}, by_process = {};

	fill_asked(&by_id, query, key->id, 0);
	fill_asked(&by_process, query, ANY_ID, query->pid);
	if (bpf_map_delete_elem(&asks, &by_id))
		bpf_map_delete_elem(&rootless_asks, &by_id);
	if (bpf_map_delete_elem(&asks, &by_process))
		bpf_map_delete_elem(&rootless_asks, &by_process);
}

/* A query is over. What comes after its time has timed out, whether that was counted meanwhile or is only now. */
static __always_inline void over(void *ctx, const struct dns_query_key *key, const struct dns_query *query,
				 __u8 outcome, bool truncated)
{
	__u64 now = bpf_ktime_get_ns(), duration = now - query->first;
	struct dns_settings *config = get_settings();
	struct dns_totals *totals = totals_of(query);
	struct dns_server *server;
	bool late;

	if (!config || !totals)
		return;
	server = server_of(key, query, totals, config);
	if (!server)
		return;
	late = query->timed_out || duration > config->timeout;
	if (late && outcome != DNS_UNREACHABLE)
		add(&totals->late, 1);
	if (!query->timed_out)
		add(&server->outcomes[late ? DNS_TIMED_OUT : outcome & (DNS_OUTCOMES - 1)], 1);
	if (truncated)
		add(&totals->truncated, 1);
	if (outcome != DNS_UNREACHABLE)
		histogram_add_atomic(&server->histogram, duration);
	if (query->timed_out && outcome == DNS_UNREACHABLE)
		return;
	if (is_failure(outcome) && !query->timed_out) {
		if (is_event(&server->limiter, config, query->rootless, now))
			report(ctx, key, query, DNS_FAILED, outcome, now, duration);
	} else if (duration > config->slow && is_event(&server->slow, config, query->rootless, now)) {
		report(ctx, key, query, DNS_SLOW, outcome, now, duration);
	}
}

__hidden __noinline int answered(void *ctx, const struct packet *packet)
{
	struct netns ns = netns_of_dev(packet->dev);
	struct dns_header header = {};
	struct sight sight = {};
	__u8 outcome = DNS_ANSWERED, flags = 0;
	struct dns_query *query;

	fill_sight(&sight, packet, true);
	sight.key.netns = ns.inum;
	sight.key.netns_cookie = ns.cookie;
	if (sight.ports.protocol == IPPROTO_UDP) {
		if (!message_of(&sight, &header)) {
			if (sight.length >= UDP_HEADER + sizeof(header))
				count_unread(ns);
			return 0;
		}
		if (!is_answer(&header))
			return 0;
		sight.key.id = header.id;
		outcome = outcome_of(&header);
	} else if (!segment_length(&sight, &flags)) {
		if (!(flags & (TCP_FLAG_FIN | TCP_FLAG_RST)))
			return 0;
		outcome = DNS_UNREACHABLE;
	}
	query = take_query(&sight.key);
	if (!query)
		return 0;
	if (sight.ports.protocol == IPPROTO_UDP)
		forget_question(&sight.key, query);
	over(ctx, &sight.key, query, outcome, header.flags[0] & DNS_TRUNCATED);
	return 0;
}

/* An ICMP error has the packet that it is about behind its header of eight bytes. */
__hidden __noinline int refused(void *ctx, const struct packet *packet)
{
	struct packet inner = { .skb = packet->skb, .dev = packet->dev, .ip = packet->ip + packet->ports.header + 8 };
	__be16 type = packet->ports.family == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	struct netns ns = netns_of_dev(packet->dev);
	struct dns_settings *config = get_settings();
	struct sight sight = {};
	struct dns_query *query;

	if (!config || !find_ports(&inner.ports, inner.ip, type) || inner.ports.protocol != IPPROTO_UDP ||
	    !is_port(config, inner.ports.dport))
		return 0;
	fill_sight(&sight, &inner, false);
	if (sight.linear < UDP_HEADER + 2 ||
	    bpf_probe_read_kernel(&sight.key.id, sizeof(sight.key.id), sight.data + UDP_HEADER))
		return 0;
	sight.key.netns = ns.inum;
	sight.key.netns_cookie = ns.cookie;
	query = take_query(&sight.key);
	if (query)
		over(ctx, &sight.key, query, DNS_UNREACHABLE, false);
	return 0;
}

static __always_inline void arrives(void *ctx, const struct sk_buff *skb, bool typed)
{
	struct packet packet = { .skb = skb, .dev = GET(typed, skb, dev), .ip = GET(typed, skb, data) };
	struct dns_settings *config = get_settings();
	__be16 type = GET(typed, skb, protocol);

	if (!config)
		return;
	/* A tag that the device left in. */
	if (type == bpf_htons(ETH_P_8021Q)) {
		bpf_probe_read_kernel(&type, sizeof(type), packet.ip + 2);
		packet.ip += 4;
	}
	if (!find_ports(&packet.ports, packet.ip, type))
		return;
	if (is_transport(packet.ports.protocol)) {
		if (is_port(config, packet.ports.sport))
			answered(ctx, &packet);
	} else if (is_unreachable(&packet.ports)) {
		refused(ctx, &packet);
	}
}

TRACEPOINT(leaves, net_dev_queue, leaves(ctx, skb, typed), struct sk_buff *skb)

TRACEPOINT(arrives, netif_receive_skb, arrives(ctx, skb, typed), struct sk_buff *skb)

/* Run by user space for a query that may be out of time: the six words of its key. */
SEC("raw_tp")
int expire(__u64 *ctx)
{
	struct dns_settings *config = get_settings();
	__u64 now = bpf_ktime_get_ns(), age;
	struct dns_query_key key = {};
	struct dns_totals *totals;
	struct dns_server *server;
	struct dns_query *query;
	__u64 *words = (__u64 *)&key;

#pragma unroll
	for (int i = 0; i < (int)sizeof(key) / 8; i++)
		words[i] = ctx[i];
	query = query_of(&key);
	if (!query || !config || query->first > now)
		return 0;
	age = now - query->first;
	if (query->timed_out && age > config->timeout + LATE_FOR) {
		forget_query(&key);
		return 0;
	}
	if (query->timed_out || age <= config->timeout)
		return 0;
	query->timed_out = true;
	totals = totals_of(query);
	server = totals ? server_of(&key, query, totals, config) : NULL;
	if (!server)
		return 0;
	add(&server->outcomes[DNS_TIMED_OUT], 1);
	if (is_event(&server->limiter, config, query->rootless, now))
		report(ctx, &key, query, DNS_FAILED, DNS_TIMED_OUT, now, age);
	return 1;
}
