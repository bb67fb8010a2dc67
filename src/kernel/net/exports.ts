/** What the data plane exports of the net room. Addresses and lengths are unsigned 32 bits. */
export interface NetExports {
  /** Where the running CPU's `__sk_buff` lies. */
  skb_current(): number;
  /**
   * Sets up the running CPU's `__sk_buff` for a frame of at least 14 bytes; `l2` is 0 if the program starts at the
   * network header. Returns the context's address.
   */
  skb_init(frame: number, length: number, head: number, end: number, l2: number): number;
  /** Gives the packet of a context the unused socket that it has in a test run (`__sk_buff.sk`). */
  skb_socket(ctx: number): void;
  /** Where fields lie; for the test that compares them with `SKB`. */
  skb_offset(field: number): number;
  /** Where the running CPU's `xdp_md` lies. */
  xdp_current(): number;
  /** Sets up the running CPU's `xdp_md` and returns its address. */
  xdp_init(
    frame: number,
    length: number,
    meta: number,
    hardStart: number,
    hardEnd: number,
    frags: number,
    fragsLength: number,
  ): number;
  /** The body of `ExecEnv.ldAbs`. */
  ld_abs(ctx: bigint, offset: number, size: number): bigint;
  /** Runs the program at `entry` (an index of the table) over one context, `repeat` times (at least once). */
  run_repeat(entry: number, ctx: number, repeat: number): number;
  /** Runs the program over `count` records (`PACKET`); returns how many were run before `out` got full. */
  run_batch(
    entry: number,
    kind: number,
    records: number,
    count: number,
    frame: number,
    room: number,
    repeat: number,
    out: number,
    outEnd: number,
  ): number;
}
