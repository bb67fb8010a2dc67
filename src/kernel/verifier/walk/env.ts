import type { Btf } from "../../../btf/btf.ts";
import type { Insn } from "../../../isa/insn.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import type { VerifyInput } from "../contract.ts";
import type { VerifierLog } from "../log/log.ts";
import type { StackLiveness } from "../prepare/stack_liveness.ts";
import type { PruneState } from "../prune/explored.ts";
import type { StatePtr } from "../state/layout.ts";
import type { PrintNames, Scratched } from "../state/print.ts";

/**
 * What the verifier keeps for one instruction. `prepare` makes it, `walk`, `access` and `calls` fill it, and
 * `rewrite` reads it.
 */
export interface InsnAux {
  /** True once some path reached the instruction; unseen ones are dead code. */
  seen: boolean;
  /** The register kind that a load or store used on the paths so far (a REG_ type and flags), 0 if none. */
  ptrType: number;
  /** True where paths may be merged: the instruction is a jump's target or the like. */
  prunePoint: boolean;
  /** True where a state is saved whatever the heuristics say (loop heads of callbacks, may_goto, iterators). */
  forceCheckpoint: boolean;
  /** True for the target of a jump or the instruction after one: jump history records it. */
  jmpPoint: boolean;
  /** True for a call whose callback may run any number of times. */
  callsCallback: boolean;
  /** Registers R0 to R9 live before the instruction, one bit each. */
  liveRegsBefore: number;
  /** The strongly connected component of the control-flow graph, 0 if the instruction is on no cycle. */
  scc: number;
  /** For a 64-bit load of a map or of its value: the index in `Env.usedMaps`. */
  mapIndex: number;
  /** For a 64-bit load of a map's value: the offset in the value. */
  mapOff: number;
  /** For a 64-bit load of a subprogram's address: the index in `Env.subprogs`. */
  funcIndex: number;
  /** For a helper call with a map: the used map's index, -1 unknown yet, -2 different ones on different paths. */
  callMap: number;
  /** The constant key of a map helper or tail call: undefined unknown yet, "poison" if it differs. */
  constKey: number | "poison" | undefined;
  /** For a call of a subprogram: its index, -1 otherwise. */
  callSubprog: number;
  /** For a load or store: the kind of memory, "mixed" if it differs between paths. */
  access: "stack" | "ctx" | "packet" | "packet_meta" | "map_value" | "other" | "mixed" | undefined;
  /** For a stack access at one constant place: its offset from R10; "mixed" if it differs. */
  stackOffset: number | "mixed" | undefined;
  /** The context field's conversion, where a context load or store needs one (narrow loads: the field's size). */
  ctxFieldSize: number;
  /** True if a speculation barrier before it stops a path that only a misled processor takes. */
  nospec: boolean;
  /** True for an ALU operation that the speculative paths want sanitised (unprivileged only). */
  aluSanitize: boolean;
  /** For a call of bpf_loop: true if its flags were zero on the paths so far. */
  loopInline: boolean | undefined;
  /** True if a zero extension is wanted by 32-bit backends (informational here). */
  zext: boolean;
  /** True for the call and the spills and fills around it of a bpf_fastcall pattern (prepare/fastcall.ts). */
  fastcallPattern: boolean;
  /** For the call of such a pattern: its spill and fill pairs. */
  fastcallSpills: number;
}

/** A subprogram while it is being verified. */
export interface SubprogInfo {
  /** Index of the first instruction. */
  start: number;
  /** Index after the last one. */
  end: number;
  /** Instruction index of the start after rewriting is `start` unless `rewrite` says otherwise. */
  linfoIndex: number;
  /** Bytes of stack in use so far (not rounded). */
  stackDepth: number;
  hasTailCall: boolean;
  /** True if a tail call may be reached through it. */
  tailCallReachable: boolean;
  hasLdAbs: boolean;
  /** True if it is the callback of some helper. */
  isCallback: boolean;
  /** True if that callback runs later, on a stack of its own (timers). */
  isAsyncCallback: boolean;
  /** True for a BTF global function (or the main program's). */
  isGlobal: boolean;
  /** The function's name from BTF, empty without. */
  name: string;
  /** BTF type id of the FUNC, 0 without. */
  btfTypeId: number;
  /** True if it (or what it calls) may move packet data, so that packet pointers die over a call. */
  changesPktData: boolean;
  /** True if it (or what it calls) may sleep. */
  mightSleep: boolean;
  /** True for a global function that some live code called, so that it is to be verified. */
  called: boolean;
  /** True once its BTF turned out not to describe what it is called with. */
  unreliable: boolean;
  /** The highest stack offset (negative) that only bpf_fastcall patterns use, 0 without one. */
  fastcallStackOff: number;
  /** True if something else touches that part of the stack, so that the patterns stay. */
  keepFastcallStack: boolean;
}

/** Makes the record of an instruction of which nothing is known. */
export function createInsnAux(): InsnAux {
  return {
    seen: false,
    ptrType: 0,
    prunePoint: false,
    forceCheckpoint: false,
    jmpPoint: false,
    callsCallback: false,
    liveRegsBefore: 0,
    scc: 0,
    mapIndex: -1,
    mapOff: 0,
    funcIndex: -1,
    callMap: -1,
    constKey: undefined,
    callSubprog: -1,
    access: undefined,
    stackOffset: undefined,
    ctxFieldSize: 0,
    nospec: false,
    aluSanitize: false,
    loopInline: undefined,
    zext: false,
    fastcallPattern: false,
    fastcallSpills: 0,
  };
}

/** Makes the record of a subprogram of which only the place is known. */
export function createSubprogInfo(start: number, end: number): SubprogInfo {
  return {
    start,
    end,
    linfoIndex: 0,
    stackDepth: 0,
    hasTailCall: false,
    tailCallReachable: false,
    hasLdAbs: false,
    isCallback: false,
    isAsyncCallback: false,
    isGlobal: false,
    name: "",
    btfTypeId: 0,
    changesPktData: false,
    mightSleep: false,
    called: false,
    unreliable: false,
    fastcallStackOff: 0,
    keepFastcallStack: false,
  };
}

/** One checked record of line_info. */
export interface LineInfo {
  readonly insnOff: number;
  readonly fileNameOff: number;
  readonly lineOff: number;
  /** The line number (upper 22 bits of line_col). */
  readonly line: number;
  readonly col: number;
}

/** One checked record of func_info. */
export interface FuncInfo {
  readonly insnOff: number;
  readonly typeId: number;
}

/**
 * Everything that the verification of one program knows. States are handles of the arena (`state/`); the record
 * itself is plain and is handed to every check.
 */
export interface Env {
  readonly input: VerifyInput;
  readonly log: VerifierLog;
  readonly btf: Btf | undefined;

  /** The instructions; `prepare` may replace the array, never an entry of the caller's. */
  insns: Insn[];
  /** By instruction index, as long as `insns`. */
  aux: InsnAux[];
  /** The main program first; no end marker (each entry has its `end`). */
  subprogs: SubprogInfo[];
  /** The maps that the program names, in the order of first use. */
  usedMaps: MapFacts[];
  /** Every map that a register may point to, by handle minus one: first `usedMaps`, then inner maps of those. */
  readonly maps: MapFacts[];
  funcInfo: readonly FuncInfo[];
  lineInfo: readonly LineInfo[];
  /** Which stack slots are read later: made by `prepare`, fed by the walk, asked by `prune`. */
  stackLiveness: StackLiveness;
  /** How states are printed. */
  readonly names: PrintNames;
  /** What changed since the state was last printed. */
  readonly scratched: Scratched;
  /** The control-flow graph's instructions in postorder, per subprogram one after another. */
  postorder: readonly number[];

  /** CAP_PERFMON: pointers may be leaked to the program's user. */
  readonly allowPtrLeaks: boolean;
  /** CAP_PERFMON: stack may be read before it is written. */
  readonly allowUninitStack: boolean;
  /** CAP_PERFMON: no paths are simulated for speculation. */
  readonly bypassSpecV1: boolean;
  readonly bypassSpecV4: boolean;
  /** CAP_BPF. */
  readonly bpfCapable: boolean;
  readonly strictAlignment: boolean;
  /** Possible CPUs. */
  readonly cpus: number;
  /** BPF_F_TEST_STATE_FREQ: states are saved as often as possible. */
  readonly testStateFreq: boolean;
  /** BPF_F_TEST_REG_INVARIANTS: a broken invariant of bounds is an error. */
  readonly testRegInvariants: boolean;

  /** The state being walked (a StatePtr), 0 between walks. */
  curState: StatePtr;
  /** The instruction being checked, and the one before it on this path. */
  insnIdx: number;
  prevInsnIdx: number;
  /** The instruction that was checked last, whatever `insnIdx` became. */
  checkedInsnIdx: number;
  /** True if the walk came to the instruction from elsewhere, and the whole state is to be logged (at level 2). */
  arrived: boolean;
  /** Instructions checked so far, on all paths. */
  insnProcessed: number;
  prevInsnProcessed: number;
  jmpsProcessed: number;
  prevJmpsProcessed: number;
  /** The subprogram whose verification is under way (0, or a global function's index). */
  subprogBeingVerified: number;
  /** The last id given to pointers and scalars; `++env.idGen` is the next. */
  idGen: number;
  /** Waiting paths and saved states, counted as the kernel does. */
  totalStates: number;
  peakStates: number;
  freeStates: number;
  maxStatesPerInsn: number;
  longestMarkRead: number;
  /** Saved states, jump history and loops: made by `createPruneState(insns.length)` of prune/explored.ts. */
  readonly prune: PruneState;
  /** Paths waiting to be walked. */
  readonly pending: PendingPath[];

  /** Where the last printed instruction's text began and ended, for the column of the state after it. */
  insnPrintPosition: number;
  prevLogPosition: number;
  prevInsnPrintPosition: number;
  /** The index of the last printed line_info record, so that a line is printed once. */
  prevLineInfo: number;
  /** The texts of instructions and of line_info records that were logged: most are logged on many paths. */
  readonly insnTexts: (string | undefined)[];
  readonly lineTexts: (string | undefined)[];
  /** Set when some call may change packet data: the program's packet needs to be unshared first. */
  seenDirectWrite: boolean;
}

/** A path that waits for its turn. */
export interface PendingPath {
  /** Owned by the path. */
  readonly state: StatePtr;
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  readonly logPosition: number;
}

/** A refusal of the program: thrown by checks and turned into a verdict by `verify`. */
export class Rejection extends Error {
  /** Positive. */
  readonly errno: number;
  constructor(errno: number) {
    super(`rejected with errno ${errno}`);
    this.name = "Rejection";
    this.errno = errno;
  }
}

/** Logs a message (one line, without its newline; empty for none) and makes the refusal to be thrown. */
export function reject(env: { readonly log: VerifierLog }, errno: number, message?: string): Rejection {
  if (message !== undefined && message !== "") env.log.line(message);
  return new Rejection(errno);
}
