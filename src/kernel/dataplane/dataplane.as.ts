// The data plane's unit: everything that runs per packet, compiled into one WebAssembly module. Each room's exports
// are listed here by one line, and typed in the room's own `.ts` beside it.
export * from "../mem/alloc.as";
export { cpu_enter, cpu_current, cpu_offset } from "../mem/cpu.as";
export { skb_current, skb_init, skb_offset, skb_socket } from "../net/skb.as";
export { xdp_current, xdp_init } from "../net/xdp.as";
export * from "../net/ld_abs.as";
export { run_batch, run_repeat } from "../net/batch.as";
export * from "../helpers/csum.as";
export * from "../helpers/skb_bytes.as";
export * from "../helpers/skb_change.as";
export * from "../helpers/lock.as";
export * from "../helpers/probe.as";
export * from "../helpers/skb_meta.as";
export * from "../helpers/skb_tunnel.as";
export * from "../helpers/socket.as";
export * from "../helpers/task.as";
export * from "../helpers/text.as";
export * from "../helpers/xdp.as";
export * from "../maps/map.as";
export { map_each_next } from "../maps/each.as";
export {
  htab_lookup,
  htab_lookup_4,
  htab_lookup_8,
  htab_lookup_16,
  htab_percpu_lookup,
  htab_lru_lookup,
  htab_lru_lookup_4,
  htab_lru_lookup_8,
  htab_lru_lookup_16,
  htab_lru_percpu_lookup,
  htab_update,
  htab_delete,
} from "../maps/hashtab.as";
export {
  array_lookup,
  array_update,
  array_of_maps_lookup,
  percpu_array_lookup,
  percpu_array_update,
  slot_get,
  slot_set,
} from "../maps/arraymap.as";
export { lpm_lookup, lpm_update, lpm_delete } from "../maps/lpm_trie.as";
export { queue_push, queue_pop, queue_peek } from "../maps/queue_stack.as";
export * from "../maps/redirect_map.as";
export {
  bpf_ringbuf_discard,
  bpf_ringbuf_output,
  bpf_ringbuf_query,
  bpf_ringbuf_reserve,
  bpf_ringbuf_submit,
} from "../maps/ringbuf.as";
export * from "../helpers/cgroup.as";
export * from "../helpers/perf_event.as";
