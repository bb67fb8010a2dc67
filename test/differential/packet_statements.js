import { afterCall, anyNumber, emit, fork, freeRegister, goWrong, hold, meet, newLabel, VALUE_AT, } from "./writer.js";
const SKB_READ = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 164, 176];
const SKB_WRITE = [8, 12, 32, 44, 48, 52, 56, 60, 64, 72];
const TC = { read: [...SKB_READ, 72, 160], write: SKB_WRITE, data: [76, 80, 140] };
const FIELDS = {
    socket_filter: { read: SKB_READ, write: [48, 52, 56, 60, 64] },
    sched_cls: TC,
    sched_act: TC,
    xdp: { read: [12, 16], write: [], data: [0, 4, 8] },
};
/** Statements on the context and the packet, with weights. */
export function packetStatements(w) {
    const statements = [
        [6, contextRead],
        [2, checksum],
    ];
    if (w.type !== "xdp")
        statements.push([4, loadBytes], [3, contextWrite]);
    // In a subprogram these need its BTF.
    if (w.type !== "xdp" && (!w.subprogram || w.random.chance(2)))
        statements.push([5, legacyLoad]);
    if (w.type !== "socket_filter")
        statements.push([10, packetAccess], [3, packetVariable], [3, packetLength], [1, redirect]);
    if (w.type === "sched_cls" || w.type === "sched_act")
        statements.push([3, storeBytes], [2, replaceChecksum]);
    if (w.type === "xdp")
        statements.push([3, adjust]);
    return statements;
}
function contextRead(w) {
    const { read } = FIELDS[w.type];
    const reg = freeRegister(w);
    const size = w.random.weighted([
        [80, 4],
        [10, 2],
        [10, 1],
    ]);
    const off = goWrong(w) ? w.random.pick([3, 76, 88, 140, 144, 180, 192, 256, -4]) : w.random.pick(read);
    const narrow = w.type === "xdp" ? 4 : size;
    emit(w, `r${reg} = *(u${8 * narrow} *)(r${w.ctx} ${off < 0 ? off : `+${off}`})`);
    w.numbers.add(reg);
}
function contextWrite(w) {
    const { write } = FIELDS[w.type];
    const off = goWrong(w) ? w.random.pick([0, 4, 16, 80, 36, 49, 200]) : w.random.pick(write);
    if (w.random.chance(30))
        emit(w, `*(u32 *)(r${w.ctx} +${off}) = ${w.random.imm()}`);
    else
        emit(w, `*(u32 *)(r${w.ctx} +${off}) = r${anyNumber(w)}`);
}
/** Two registers that a statement may use for packet pointers. */
function twoRegisters(w) {
    const first = freeRegister(w, [1, 2, 3, 4, 5, 7, 8, 9]);
    const second = freeRegister(w, [1, 2, 3, 4, 5].filter((reg) => reg !== first));
    hold(w, first);
    hold(w, second);
    return [first, second];
}
function loadPointers(w, data, end) {
    const [dataAt, endAt, metaAt] = FIELDS[w.type].data ?? [0, 0, 0];
    const meta = w.random.chance(5);
    emit(w, `r${data} = *(u32 *)(r${w.ctx} +${meta ? metaAt : dataAt})`);
    // The metadata ends where the data starts.
    emit(w, `r${end} = *(u32 *)(r${w.ctx} +${meta ? dataAt : endAt})`);
}
function packetAccess(w) {
    const { random } = w;
    const [data, end] = twoRegisters(w);
    const limit = freeRegister(w, [0, 1, 2, 3, 4, 5].filter((reg) => reg !== data && reg !== end));
    hold(w, limit);
    loadPointers(w, data, end);
    const bytes = random.pick([1, 2, 4, 8, 14, 20, 34, 42, 54, 64]);
    const out = newLabel(w);
    emit(w, `r${limit} = r${data}`, `r${limit} += ${bytes}`);
    if (!goWrong(w)) {
        emit(w, random.pick([
            `if r${limit} > r${end} goto ${out}`,
            `if r${end} < r${limit} goto ${out}`,
            `if r${limit} >= r${end} goto ${out}`,
            `if r${end} <= r${limit} goto ${out}`,
        ]));
    }
    const inside = fork(w);
    inside.reserved.add(data);
    inside.reserved.add(end);
    for (let n = random.between(1, 4); n > 0; n--) {
        const size = random.pick([1, 2, 4, 8].filter((s) => s <= bytes));
        const at = goWrong(w) ? bytes - random.below(size) : random.below(bytes - size + 1);
        // The kernel allows packet accesses at any address on this machine.
        const place = `*(u${8 * size} *)(r${data} +${at})`;
        if (random.chance(35))
            emit(w, `${place} = ${random.chance(50) ? random.imm() : `r${anyNumber(inside)}`}`);
        else {
            const reg = freeRegister(inside);
            emit(w, `r${reg} = ${place}`);
            inside.numbers.add(reg);
        }
    }
    emit(w, `${out}:`);
    for (const reg of [data, end, limit])
        emit(w, `r${reg} = ${random.below(100)}`);
    meet(w, inside);
    for (const reg of [data, end, limit])
        w.numbers.add(reg);
}
/** A read of the packet at a place that a mask and a check bound. */
function packetVariable(w) {
    const { random } = w;
    const index = anyNumber(w);
    const [data, end] = twoRegisters(w);
    if (index === data || index === end) {
        emit(w, `r${data} = 1`, `r${end} = 2`);
        w.numbers.add(data).add(end);
        return;
    }
    const offset = freeRegister(w, [0, 1, 2, 3, 4, 5].filter((reg) => ![data, end, index].includes(reg)));
    const out = newLabel(w);
    emit(w, `r${offset} = r${index}`, `r${offset} &= ${goWrong(w) ? 0x1ffff : random.pick([1, 7, 15, 63, 255])}`);
    loadPointers(w, data, end);
    emit(w, `r${data} += r${offset}`, `r${offset} = r${data}`, `r${offset} += 4`);
    emit(w, `if r${offset} > r${end} goto ${out}`);
    emit(w, `r${offset} = *(u${random.pick([8, 16, 32])} *)(r${data} +${goWrong(w) ? 4 : 0})`);
    if (random.chance(30))
        emit(w, `*(u8 *)(r${data} +3) = ${random.below(256)}`);
    emit(w, `${out}:`, `r${data} = 0`, `r${end} = 0`, `r${offset} = 3`);
    for (const reg of [data, end, offset])
        w.numbers.add(reg);
}
function packetLength(w) {
    const [dataAt, endAt] = FIELDS[w.type].data ?? [0, 0];
    const [data, end] = twoRegisters(w);
    emit(w, `r${data} = *(u32 *)(r${w.ctx} +${dataAt})`, `r${end} = *(u32 *)(r${w.ctx} +${endAt})`);
    emit(w, `r${end} -= r${data}`, `r${data} = 0`);
    w.numbers.add(data).add(end);
}
function legacyLoad(w) {
    const { random } = w;
    const type = random.pick(["u8", "u16", "u32"]);
    const off = random.pick([0, 6, 12, 13, 14, 23, 26, 30, 40, 60, 100]);
    const index = [7, 8, 9].filter((reg) => w.numbers.has(reg));
    if (index.length > 0 && random.chance(40)) {
        const reg = random.pick(index);
        if (random.chance(70) && !w.reserved.has(reg))
            emit(w, `r${reg} &= 15`);
        emit(w, `r0 = *(${type} *)skb[r${reg} + ${off}]`);
    }
    else
        emit(w, `r0 = *(${type} *)skb[${off}]`);
    afterCall(w, "number");
}
function loadBytes(w) {
    const { random } = w;
    const length = goWrong(w) ? random.pick([0, -1, 4096]) : random.pick([1, 2, 4, 8, 14, 20]);
    const off = random.chance(25) ? `r${anyNumber(w)}` : `${random.pick([0, 0, 6, 12, 14, 34, 1000])}`;
    emit(w, `r2 = ${off}`, `r1 = r${w.ctx}`, "r3 = r10", `r3 += -${VALUE_AT}`, `r4 = ${length}`);
    emit(w, "call bpf_skb_load_bytes", `r1 = *(u8 *)(r10 -${VALUE_AT})`);
    afterCall(w, "number");
    w.numbers.add(1);
}
function bytesOnStack(w) {
    for (let at = 0; at < 24; at += 8)
        emit(w, `*(u64 *)(r10 -${VALUE_AT - at}) = ${w.random.imm()}`);
}
function storeBytes(w) {
    const { random } = w;
    const off = random.chance(20) ? `r${anyNumber(w)}` : `${random.pick([0, 6, 12, 14, 30, 1000])}`;
    bytesOnStack(w);
    emit(w, `r2 = ${off}`, `r1 = r${w.ctx}`, "r3 = r10", `r3 += -${VALUE_AT}`);
    emit(w, `r4 = ${goWrong(w) ? 0 : random.pick([1, 2, 4, 6, 20])}`, `r5 = ${random.pick([0, 0, 1, 2, 3, 16])}`);
    emit(w, "call bpf_skb_store_bytes");
    afterCall(w, "number");
}
function replaceChecksum(w) {
    const { random } = w;
    const from = random.imm();
    if (random.chance(50)) {
        emit(w, `r1 = r${w.ctx}`, `r2 = ${random.pick([24, 24, 1000])}`, `r3 = ${from}`, `r4 = ${random.imm()}`);
        emit(w, `r5 = ${random.pick([2, 4, 0, 3])}`, "call bpf_l3_csum_replace");
    }
    else {
        emit(w, `r1 = r${w.ctx}`, `r2 = ${random.pick([36, 50, 1000])}`, `r3 = ${from}`, `r4 = ${random.imm()}`);
        emit(w, `r5 = ${random.pick([2, 4, 0x12, 0x14, 0x22, 0])}`, "call bpf_l4_csum_replace");
    }
    afterCall(w, "number");
}
function checksum(w) {
    if (w.type === "socket_filter") {
        contextRead(w);
        return;
    }
    const { random } = w;
    bytesOnStack(w);
    emit(w, "r1 = r10", `r1 += -${VALUE_AT}`, `r2 = ${goWrong(w) ? 1000 : random.pick([0, 4, 8, 12])}`);
    emit(w, "r3 = r10", `r3 += -${VALUE_AT - 8}`, `r4 = ${random.pick([0, 4, 8])}`, `r5 = ${random.imm()}`);
    emit(w, "call bpf_csum_diff");
    afterCall(w, "number");
}
function redirect(w) {
    emit(w, `r1 = ${w.random.below(3)}`, `r2 = ${w.random.pick([0, 0, 1, 2])}`, "call bpf_redirect");
    afterCall(w, "number");
}
function adjust(w) {
    const { random } = w;
    const which = random.pick(["head", "tail", "meta"]);
    const delta = random.pick(which === "meta" ? [-4, -8, -32, 0, 3, -400] : [-14, -4, 4, 8, 1, -1000, 1000, 0]);
    emit(w, `r1 = r${w.ctx}`, `r2 = ${delta}`, `call bpf_xdp_adjust_${which}`);
    afterCall(w, "number");
}
//# sourceMappingURL=packet_statements.js.map