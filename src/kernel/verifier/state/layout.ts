/**
 * The flat records of the verifier's private linear memory: one table of byte offsets per record. The AssemblyScript
 * classes of `value/record.as.ts` lay the same fields out; `value/layout.test.ts` holds the two together.
 *
 * ```
 *  VerifierState ──frames[0..7]──> FuncState ──slots──> StackSlot[n]   (8 kind bytes + RegState)
 *        │                            └ 11 RegState inline
 *        └─refs──> Reference[n]
 * ```
 */

/** What a register holds: the low 8 bits of `REG.type`; `TYPE_FLAG` bits are or-ed in. Linux: enum bpf_reg_type. */
export const TYPE = {
  NOT_INIT: 0,
  SCALAR_VALUE: 1,
  PTR_TO_CTX: 2,
  CONST_PTR_TO_MAP: 3,
  PTR_TO_MAP_VALUE: 4,
  PTR_TO_MAP_KEY: 5,
  PTR_TO_STACK: 6,
  PTR_TO_PACKET_META: 7,
  PTR_TO_PACKET: 8,
  PTR_TO_PACKET_END: 9,
  PTR_TO_FLOW_KEYS: 10,
  PTR_TO_SOCKET: 11,
  PTR_TO_SOCK_COMMON: 12,
  PTR_TO_TCP_SOCK: 13,
  PTR_TO_TP_BUFFER: 14,
  PTR_TO_XDP_SOCK: 15,
  PTR_TO_BTF_ID: 16,
  PTR_TO_MEM: 17,
  PTR_TO_ARENA: 18,
  PTR_TO_BUF: 19,
  PTR_TO_FUNC: 20,
  CONST_PTR_TO_DYNPTR: 21,
} as const;

/** Properties of a pointer, or-ed into `REG.type`. Linux: enum bpf_type_flag. */
export const TYPE_FLAG = {
  PTR_MAYBE_NULL: 1 << 8,
  MEM_RDONLY: 1 << 9,
  MEM_RINGBUF: 1 << 10,
  MEM_USER: 1 << 11,
  MEM_PERCPU: 1 << 12,
  MEM_RCU: 1 << 13,
  PTR_UNTRUSTED: 1 << 14,
  PTR_TRUSTED: 1 << 15,
  MEM_ALLOC: 1 << 16,
  NON_OWN_REF: 1 << 17,
  MEM_UNINIT: 1 << 18,
  DYNPTR_TYPE_LOCAL: 1 << 19,
  DYNPTR_TYPE_RINGBUF: 1 << 20,
  DYNPTR_TYPE_SKB: 1 << 21,
  DYNPTR_TYPE_XDP: 1 << 22,
} as const;

/** The bits of `REG.type` that are the base type. */
export const TYPE_MASK = 0xff;

/** Set in `REG.id` of a number that is the one with the same id plus `REG.off`. Linux: BPF_ADD_CONST64. */
export const ADD_CONST64 = 0x80000000 | 0;
/** The same where only the low half was added to, the high half being cleared. Linux: BPF_ADD_CONST32. */
export const ADD_CONST32 = 0x40000000;
/** Either. */
export const ADD_CONST = ADD_CONST64 | ADD_CONST32;

/** Byte offsets in a RegState. 64-bit fields are 8-aligned, low half first; the rest are 32 bits. */
export const REG = {
  /** `TYPE` | `TYPE_FLAG`. */
  type: 0,
  /** The fixed part of a pointer's offset, signed; for a linked scalar the constant added to its base. */
  off: 4,
  /** A map's handle: its index in the used maps plus one; 0 for none. */
  map: 8,
  /** Tells inner maps of different lookups apart. */
  mapUid: 12,
  /** By type: packet range, `PTR_TO_MEM` size, BTF type id, dynptr kind, iterator's BTF id, subprogram number. */
  aux0: 16,
  /** By type: BTF handle, dynptr id of a slice, "is first dynptr slot", iterator state. */
  aux1: 20,
  /** By type: iterator depth, irq class. */
  aux2: 24,
  pad: 28,
  varValue: 32,
  varMask: 40,
  smin: 48,
  smax: 56,
  umin: 64,
  umax: 72,
  s32min: 80,
  s32max: 84,
  u32min: 88,
  u32max: 92,
  /** Links copies of one scalar, or names a pointer that may be null, or a packet pointer's variable part. */
  id: 96,
  /** The id of the reference that the register holds or belongs to; 0 for none. */
  refObjId: 100,
  /** For `PTR_TO_STACK`: the frame it points into. */
  frameno: 104,
  /** Instruction index plus one that defined only the low half; 0 if the whole register was defined. */
  subregDef: 108,
  /** 1 if the exact value matters to safety (shown as P in logs). */
  precise: 112,
} as const;
/** Bytes of a RegState. */
export const REG_SIZE = 120;

/** Kinds of a stack byte. Linux: enum bpf_stack_slot_type. */
export const SLOT_KIND = {
  INVALID: 0,
  SPILL: 1,
  MISC: 2,
  ZERO: 3,
  DYNPTR: 4,
  ITER: 5,
  IRQ_FLAG: 6,
} as const;

/**
 * Byte offsets in a StackSlot. Slot i describes the bytes fp-8(i+1) to fp-8i-1; kind[b] is the byte at fp-8i-1-b, so
 * that kind[0] is the highest address and kind[7] the lowest, as in Linux's slot_type.
 */
export const SLOT = { kind: 0, reg: 8 } as const;
/** Bytes of a StackSlot. */
export const SLOT_SIZE = 8 + REG_SIZE;

/** Registers of a frame: R0 to R10. */
export const MAX_REGS = 11;
/** Frames of a call chain. */
export const MAX_FRAMES = 8;
/** Bytes of a frame's stack. */
export const MAX_STACK = 512;

/** Byte offsets in a FuncState; all fields are 32 bits. */
export const FRAME = {
  /** Instruction index of the call, -1 for the main program. */
  callsite: 0,
  frameno: 4,
  subprogno: 8,
  asyncEntryCnt: 12,
  /** What a callback may return, signed, inclusive. */
  callbackRetMin: 16,
  callbackRetMax: 20,
  inCallbackFn: 24,
  inAsyncCallbackFn: 28,
  inExceptionCallbackFn: 32,
  /** How often a bpf_loop-like callback has been simulated. */
  callbackDepth: 36,
  /** Bytes of stack that have slots: a multiple of 8. */
  allocatedStack: 40,
  /** Address of the slots, 0 for none. */
  slots: 44,
  /** Slots that the block at `slots` has room for. */
  slotCap: 48,
  pad: 52,
  regs: 56,
} as const;
/** Bytes of a FuncState. */
export const FRAME_SIZE = FRAME.regs + MAX_REGS * REG_SIZE;

/** Byte offsets in a VerifierState; all fields are 32 bits. */
export const STATE = {
  /** Eight addresses of FuncStates. */
  frames: 0,
  curframe: 32,
  /** Where the walk continues when this state is taken up. */
  insnIdx: 36,
  /** The instructions that this state (since its parent) covers: the first and the last one. */
  firstInsnIdx: 40,
  lastInsnIdx: 44,
  /** Paths below this state that are still to be walked. */
  branches: 48,
  /** The state before this one on its path, 0 for none. */
  parent: 52,
  speculative: 56,
  inSleepable: 60,
  activeLocks: 64,
  activeLockId: 68,
  activeLockPtr: 72,
  activePreemptLocks: 76,
  activeRcuLocks: 80,
  activeIrqId: 84,
  /** Depth in the tree of paths. */
  dfsDepth: 88,
  callbackUnrollDepth: 92,
  mayGotoDepth: 96,
  /** 1 once dead registers and slots were cleared. */
  cleaned: 100,
  /** Jump history: the newest node, and how many nodes are this state's own (prune/history.ts). */
  histTail: 104,
  histCount: 108,
  /** Acquired references: address, count and room. */
  refs: 112,
  refCount: 116,
  refCap: 120,
  /** A state that this one was found equal to, 0 for none. */
  equalState: 124,
} as const;
/** Bytes of a VerifierState. */
export const STATE_SIZE = 128;

/** Kinds of an acquired reference. */
export const REF_TYPE = { PTR: 1, LOCK: 2, RES_LOCK: 3, RES_LOCK_IRQ: 4, IRQ: 5 } as const;

/** Byte offsets in a Reference; all fields are 32 bits. */
export const REF = { type: 0, id: 4, insnIdx: 8, ptr: 12 } as const;
/** Bytes of a Reference. */
export const REF_SIZE = 16;

/** Address of a RegState. */
export type RegPtr = number & { readonly record: "RegState" };
/** Address of a StackSlot; dies when its frame's stack grows. */
export type SlotPtr = number & { readonly record: "StackSlot" };
/** Address of a FuncState. */
export type FramePtr = number & { readonly record: "FuncState" };
/** Address of a VerifierState. */
export type StatePtr = number & { readonly record: "VerifierState" };
/** Address of a Reference; dies when a reference is acquired. */
export type RefPtr = number & { readonly record: "Reference" };
