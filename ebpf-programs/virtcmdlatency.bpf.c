// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Control commands of virtio-net devices: how long the driver spun for the answer, per device; the slow ones as events.
#include "event.h"
#include "flow.h"

#define NETDEV_ALIGN 32 /* include/linux/netdevice.h */

struct virtcmdlatency_settings {
	__u64 slow; /* ns above which there is an event */
	__u32 burst; /* events per second and device; 0: no events */
	__u32 pad;
};

/* A command under way, by thread. */
struct virtcmdlatency_start {
	__u64 time;
	void *vi; /* struct virtnet_info, the driver's part of the device */
	__u8 class;
	__u8 command;
	__u8 pad[6];
};

struct virtcmdlatency_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 ifindex;
};

/* Counted atomically: commands are rare, and the lock that orders those of a device is free when we count. */
struct virtcmdlatency_value {
	struct histogram histogram;
	__u64 slow;
	__u64 slower;
	struct limiter limiter;
	char name[16];
};

struct virtcmdlatency_event {
	struct event_head head;
	__u64 duration;
	__u32 ifindex;
	char name[16];
	__u8 class;
	__u8 command;
	__u8 pad[2];
};

SETTINGS(struct virtcmdlatency_settings)
EVENT(virtcmdlatency_event)
MAP(starts, BPF_MAP_TYPE_HASH, 1024, __u32, struct virtcmdlatency_start);
MAP(virtcmdlatency, BPF_MAP_TYPE_HASH, 256, struct virtcmdlatency_key, struct virtcmdlatency_value);

/*
 * struct virtnet_info is private to a module, and modules have no BTF before 5.11. It is what netdev_priv() gives for
 * the device, so the device is as far before it: by its size, rounded up, or since 6.11 by the offset of its last field.
 */
static __always_inline struct net_device *device_of(void *vi)
{
	__u64 distance;

	if (bpf_core_field_exists(struct net_device, priv))
		distance = bpf_core_field_offset(struct net_device, priv);
	else
		distance = (bpf_core_type_size(struct net_device) + NETDEV_ALIGN - 1) & ~(NETDEV_ALIGN - 1);
	return vi - distance;
}

static __always_inline void begin(void *vi, __u8 class, __u8 command)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct virtcmdlatency_start start = { .vi = vi, .class = class, .command = command };

	start.time = bpf_ktime_get_ns();
	/* Over one whose end was missed, too: it must not be taken for this one's begin. */
	if (bpf_map_update_elem(&starts, &thread, &start, BPF_ANY))
		lost(LOSS_ENTRY);
}

static __always_inline void report(void *ctx, const struct virtcmdlatency_key *key,
				   const struct virtcmdlatency_start *start, const char *name, __u64 now)
{
	struct virtcmdlatency_event *event = begin_event(now, key->netns, key->netns_cookie, true);

	if (!event)
		return;
	event->duration = now - start->time;
	event->ifindex = key->ifindex;
	event->class = start->class;
	event->command = start->command;
	__builtin_memcpy(event->name, name, sizeof(event->name));
	end_event(ctx, event, sizeof(*event));
}

static __always_inline void count(struct virtcmdlatency_value *value, __u64 ns)
{
	histogram_add_atomic(&value->histogram, ns);
	if (ns > LEGACY_SLOW)
		add(&value->slow, 1);
	if (ns > LEGACY_SLOWER)
		add(&value->slower, 1);
}

static __always_inline void measured(void *ctx, const struct virtcmdlatency_start *start, __u64 now)
{
	struct virtcmdlatency_settings *config = get_settings();
	struct net_device *dev = device_of(start->vi);
	struct netns ns = netns_of_dev(dev);
	struct virtcmdlatency_key key = { .netns = ns.inum, .netns_cookie = ns.cookie };
	struct virtcmdlatency_value *value, fresh = {};
	__u64 duration = now - start->time;

	key.ifindex = BPF_CORE_READ(dev, ifindex);
	value = lookup_or_init(&virtcmdlatency, &key, &fresh);
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	BPF_CORE_READ_INTO(&value->name, dev, name);
	count(value, duration);
	if (config && duration > config->slow && config->burst && admit(&value->limiter, now, config->burst))
		report(ctx, &key, start, value->name, now);
}

static __always_inline void end(void *ctx)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct virtcmdlatency_start *found, start;
	__u64 now = bpf_ktime_get_ns();

	/* None: it began before the probe did. */
	found = bpf_map_lookup_elem(&starts, &thread);
	if (!found)
		return;
	start = *found;
	bpf_map_delete_elem(&starts, &thread);
	if (start.time <= now)
		measured(ctx, &start, now);
}

/* 6.10: the function that waits; the one of the old name became a wrapper that compilers inline. */
FUNCTION_ENTRY(reply, virtnet_send_command_reply, begin(vi, class, command), void *vi, __u8 class, __u8 command)
FUNCTION_EXIT(reply, virtnet_send_command_reply, end(ctx))

FUNCTION_ENTRY(command, virtnet_send_command, begin(vi, class, command), void *vi, __u8 class, __u8 command)
FUNCTION_EXIT(command, virtnet_send_command, end(ctx))
