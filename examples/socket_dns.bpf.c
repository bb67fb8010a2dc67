/* SPDX-License-Identifier: MIT */
/*
 * A socket filter that accepts DNS queries and answers over UDP, cut to 512 bytes, and counts packet lengths in a
 * histogram of powers of two. It reads the packet with the classic load instructions and with bpf_skb_load_bytes.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include "bpf.h"

/* The legacy packet loads: network byte order in, host order out; a load past the end ends the program with 0. */
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 17);
	__type(key, __u32);
	__type(value, __u32);
} lengths SEC(".maps");

const volatile __u16 dns_port = 53;

static __noinline __u32 log2_of(__u32 value)
{
	__u32 bits = 0;

	for (int i = 0; i < 16; i++) {
		if (value <= 1)
			break;
		value >>= 1;
		bits++;
	}
	return bits;
}

SEC("socket")
int socket_dns(struct __sk_buff *skb)
{
	__u32 bucket = log2_of(skb->len);
	__u32 *count = bpf_map_lookup_elem(&lengths, &bucket);
	struct udphdr udp;
	__u32 header;

	if (count)
		__sync_fetch_and_add(count, 1);
	if (load_half(skb, 12) != ETH_P_IP)
		return 0;
	if (load_byte(skb, ETH_HLEN + __builtin_offsetof(struct iphdr, protocol)) != IPPROTO_UDP)
		return 0;
	header = (load_byte(skb, ETH_HLEN) & 15) * 4;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + header, &udp, sizeof(udp)))
		return 0;
	if (udp.source != htons(dns_port) && udp.dest != htons(dns_port))
		return 0;
	return 512;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
