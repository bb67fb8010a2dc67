/* SPDX-License-Identifier: MIT */
/*
 * An IPv4 firewall: drops packets whose source address is on a block list of prefixes, counts what it saw by
 * protocol, and remembers how often each prefix was hit.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include "bpf.h"

/* The key of a longest-prefix-match map: how many leading bits count, then the bits (network byte order). */
struct prefix {
	__u32 length;
	__u8 address[4];
};

enum action { ACTION_ALLOW, ACTION_BLOCK, ACTION_COUNT_ONLY };

struct rule {
	enum action action;
	__u32 id;
	__u64 hits;
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, struct rule);
} block_list SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct counter);
} protocols SEC(".maps");

/* Settings, fixed before loading. */
const volatile __u32 min_ttl = 2;
const volatile _Bool drop_fragments = 1;

/* Totals, readable at any time. */
__u64 dropped;
__u64 not_ipv4;
struct counter seen;

static __always_inline void count(struct counter *counter, __u64 bytes)
{
	__sync_fetch_and_add(&counter->packets, 1);
	__sync_fetch_and_add(&counter->bytes, bytes);
}

SEC("xdp")
int xdp_firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 bytes = end - data;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct prefix source = { .length = 32 };
	struct counter *counter;
	struct rule *rule;
	__u32 protocol;

	count(&seen, bytes);
	if ((void *)(ip + 1) > end || eth->h_proto != htons(ETH_P_IP)) {
		__sync_fetch_and_add(&not_ipv4, 1);
		return XDP_PASS;
	}
	protocol = ip->protocol;
	counter = bpf_map_lookup_elem(&protocols, &protocol);
	if (counter)
		count(counter, bytes);

	/* More fragments to come, or not the first one: the ports can't be seen. */
	if (drop_fragments && (ip->frag_off & htons(0x3fff)))
		goto drop;
	if (ip->ttl < min_ttl)
		goto drop;
	__builtin_memcpy(source.address, &ip->saddr, sizeof(source.address));
	rule = bpf_map_lookup_elem(&block_list, &source);
	if (!rule)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->hits, 1);
	if (rule->action != ACTION_BLOCK)
		return XDP_PASS;
drop:
	__sync_fetch_and_add(&dropped, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
