// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Freed packets: counted per namespace, reason, place and family; the first of each kind become events.
#include "event.h"
#include "flow.h"

#define ACTION_COUNT 1 /* count, no event */
#define ACTION_IGNORE 2 /* neither */
#define REASONS 256 /* of the core; those of subsystems (mac80211, openvswitch) are above 2^16 */
#define REASON_OTHER 0xffffffff /* counted without its reason and place: the map was full */

struct packetloss_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 stack;
	__u8 actions[REASONS]; /* by reason: 0 count and report */
};

struct packetloss_key {
	__u64 location; /* return address in the function that freed it */
	__u32 netns;
	__u32 netns_cookie;
	__u32 reason; /* enum skb_drop_reason; 0 before 5.17 */
	__u32 family; /* 4, 6 or 0 */
};

struct packetloss_value {
	__u64 drops;
	struct limiter limiter;
	__u64 tick; /* jiffies when the clock was read last */
};

struct packetloss_place {
	__u64 location;
	__u64 reason;
};

struct packetloss_event {
	struct event_head head;
	struct flow flow;
	__u64 location;
	__u32 reason;
	__u32 length;
	__u32 ifindex;
	struct stack stack;
};

SETTINGS(struct packetloss_settings)
EVENT(packetloss_event)
MAP(packetloss, BPF_MAP_TYPE_PERCPU_HASH, 8192, struct packetloss_key, struct packetloss_value); /* set by the loader */
/* Drops for which the map above had no room: by namespace and family only, and without namespace when full too. */
MAP(overflow, BPF_MAP_TYPE_PERCPU_HASH, 1024, struct packetloss_key, __u64);
MAP(unattributed, BPF_MAP_TYPE_PERCPU_ARRAY, 4, __u32, __u64); /* by family / 2 */
/* Places that user space does not want to hear of: it resolves symbols, we do not. */
MAP(muted, BPF_MAP_TYPE_HASH, 512, struct packetloss_place, __u8);

static __always_inline bool is_muted(const struct packetloss_key *key)
{
	return bpf_map_lookup_elem(&muted, &(struct packetloss_place){ key->location, key->reason });
}

/* Exact even when every key is taken: the drop keeps its namespace as long as that has room. */
static __always_inline void count_overflow(struct packetloss_key *key)
{
	__u64 *drops, none = 0;
	__u32 index = key->family / 2;

	lost(LOSS_ENTRY);
	key->location = 0;
	key->reason = REASON_OTHER;
	drops = lookup_or_init(&overflow, key, &none) ?: bpf_map_lookup_elem(&unattributed, &index);
	if (drops)
		add(drops, 1);
}

/* NULL: muted, or counted as overflow. */
static __always_inline struct packetloss_value *value_of(struct packetloss_key *key)
{
	struct packetloss_value *value = bpf_map_lookup_elem(&packetloss, key), fresh = {};

	if (value || is_muted(key))
		return value;
	value = lookup_or_init(&packetloss, key, &fresh);
	if (!value)
		count_overflow(key);
	return value;
}

static __always_inline void report(void *ctx, const struct sk_buff *skb, const struct packetloss_key *key, __u64 now,
				   bool stack)
{
	struct packetloss_event *event = begin_event(now, key->netns, key->netns_cookie, true);
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	if (!event)
		return;
	if (BPF_CORE_READ(skb, protocol))
		flow_of_skb(&event->flow, skb);
	event->location = key->location;
	event->reason = key->reason;
	event->length = BPF_CORE_READ(skb, len);
	if (is_kernel_pointer(dev))
		event->ifindex = BPF_CORE_READ(dev, ifindex);
	end_event(ctx, event, offsetof(struct packetloss_event, stack) + fill_stack(ctx, &event->stack, stack));
}

static __always_inline void drop(void *ctx, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk,
				 bool typed)
{
	struct packetloss_settings *config = get_settings();
	struct packetloss_key key = { .location = (__u64)location, .reason = reason };
	struct packetloss_value *value;
	struct netns ns;
	__u8 action;
	int family;
	__u64 now;

	if (!config)
		return;
	action = reason < REASONS ? config->actions[reason] : 0;
	if (action == ACTION_IGNORE)
		return;
	family = family_of_skb(skb, typed);
	if (family < 0)
		return;
	key.family = family;
	ns = netns_of_skb(skb, rx_sk, typed);
	key.netns = ns.inum;
	key.netns_cookie = ns.cookie;
	value = value_of(&key);
	if (!value)
		return;
	add(&value->drops, 1);
	if (action == ACTION_COUNT || !config->burst)
		return;
	if (admit_flood(&value->limiter, &value->tick, config->burst, &now) && !is_muted(&key))
		report(ctx, skb, &key, now, config->stack);
}

/* 6.11: with the socket that was to receive it. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_sk_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	drop(ctx, skb, location, reason, rx_sk, true);
	return 0;
}

/* 5.17: with a reason. */
TRACEPOINT(kfree_skb_reason, kfree_skb, drop(ctx, skb, location, reason, NULL, typed), struct sk_buff *skb,
	   void *location, __u32 reason)

TRACEPOINT(kfree_skb, kfree_skb, drop(ctx, skb, location, 0, NULL, typed), struct sk_buff *skb, void *location)
