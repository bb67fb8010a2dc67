import { atomic, COMPARES } from "./operations.js";
import { afterCall, emit, fork, goWrong, hold, KEY_AT, meet, newLabel, POINTER_SLOT, VALUE_AT, } from "./writer.js";
/** Statements on the program's maps, with weights. */
export function mapStatements(w) {
    const data = w.maps.filter((map) => map.kind !== "prog_array");
    const statements = [];
    if (data.length > 0) {
        statements.push([10, lookup], [4, update], [2, remove], [2, (v) => directValue(v)]);
    }
    if (w.maps.some((map) => map.kind === "prog_array") && w.ctx !== undefined) {
        // In a subprogram this needs its BTF.
        if (!w.subprogram || w.random.chance(2))
            statements.push([2, tailCall]);
    }
    return statements;
}
function pickMap(w) {
    const choices = w.maps.map((map, index) => ({ map, index })).filter(({ map }) => map.kind !== "prog_array");
    return w.random.pick(choices);
}
/** Puts a key on the stack, and its address in R2. */
function key(w, map) {
    const { random } = w;
    const skip = goWrong(w);
    if (map.kind === "lpm") {
        const bits = 8 * (map.keySize - 4);
        emit(w, `*(u32 *)(r10 -${KEY_AT}) = ${random.pick([0, 8, 12, 16, 24, bits])}`);
        for (let at = 4; at < map.keySize; at += 4) {
            emit(w, `*(u32 *)(r10 -${KEY_AT - at}) = ${random.pick([0x0a, 0x0100000a, 0x0101000a])}`);
        }
    }
    else {
        for (let at = 0; at < map.keySize;) {
            const size = [8, 4, 2, 1].find((s) => at + s <= map.keySize && at % s === 0) ?? 1;
            const number = size <= 4 && [...w.numbers].length > 0 && random.chance(25);
            const value = number ? `r${random.pick([...w.numbers])}` : `${random.below(map.maxEntries + 2)}`;
            if (!(skip && at === 0))
                emit(w, `*(u${8 * size} *)(r10 -${KEY_AT - at}) = ${value}`);
            at += size;
        }
    }
    emit(w, "r2 = r10", `r2 += -${goWrong(w) ? random.between(1, 600) : KEY_AT}`);
}
function value(w, map) {
    for (let at = 0; at + 4 <= map.valueSize; at += 4)
        emit(w, `*(u32 *)(r10 -${VALUE_AT - at}) = ${w.random.imm()}`);
    for (let at = map.valueSize & ~3; at < map.valueSize; at++)
        emit(w, `*(u8 *)(r10 -${VALUE_AT - at}) = 1`);
    hold(w, 3);
    emit(w, "r3 = r10", `r3 += -${goWrong(w) ? w.random.between(1, 600) : VALUE_AT}`);
}
function lookup(w) {
    const { random } = w;
    const { map, index } = pickMap(w);
    key(w, map);
    emit(w, `r1 = map[fd:${index}]`, "call bpf_map_lookup_elem");
    afterCall(w, "none");
    const none = newLabel(w);
    const checked = !goWrong(w);
    const pointer = pointerRegister(w);
    if (pointer !== 0 && random.chance(50)) {
        emit(w, `r${pointer} = r0`);
        if (checked)
            emit(w, `if r${pointer} == 0x0 goto ${none}`);
    }
    else {
        if (checked)
            emit(w, `if r0 == 0x0 goto ${none}`);
        if (pointer !== 0)
            emit(w, `r${pointer} = r0`);
    }
    hold(w, pointer);
    const inside = fork(w);
    inside.reserved.add(pointer);
    for (let n = random.between(1, 4); n > 0; n--)
        useValue(inside, pointer, map.valueSize);
    emit(w, `${none}:`, `r${pointer} = ${random.imm()}`, "r0 = 1");
    meet(w, inside);
    w.numbers.add(pointer);
    w.numbers.add(0);
}
function pointerRegister(w) {
    const free = [0, 7, 8, 9].filter((reg) => !w.reserved.has(reg));
    return w.random.pick(free);
}
/** Reads, writes or changes a map's value that a register points to. */
function useValue(w, pointer, valueSize) {
    const { random } = w;
    const size = random.pick([1, 2, 4, 8].filter((s) => s <= valueSize));
    const slots = Math.floor(valueSize / size);
    const off = goWrong(w) ? random.pick([-8, -1, valueSize, valueSize - 1, 4096]) : size * random.below(slots);
    const place = `*(u${8 * size} *)(r${pointer} ${off < 0 ? off : `+${off}`})`;
    switch (random.below(8)) {
        case 0:
        case 1: {
            const reg = random.pick([1, 2, 3, 4, 5]);
            emit(w, `r${reg} = ${place}`);
            w.numbers.add(reg);
            return;
        }
        case 2:
            emit(w, `${place} = ${random.imm()}`);
            return;
        case 3:
            emit(w, `${place} = r${existingNumber(w)}`);
            return;
        case 4: {
            if (valueSize < 8)
                return;
            const source = existingNumber(w);
            if (source === pointer || w.reserved.has(source))
                return;
            atomic(w, pointer, 8 * random.below(Math.floor(valueSize / 8)), random.pick([4, 8]));
            return;
        }
        case 5:
            boundedAccess(w, pointer, valueSize);
            return;
        case 6:
            spill(w, pointer, place);
            return;
        default: {
            // A place in the value that only a mask bounds.
            const mask = [63, 31, 15, 7, 3, 1].find((m) => m < valueSize) ?? 0;
            const index = existingNumber(w);
            const offset = index === 4 ? 5 : 4;
            emit(w, `r${offset} = r${index}`, `r${offset} &= ${goWrong(w) ? 0xffff : mask}`);
            emit(w, `r${offset} += r${pointer}`, `r${offset} = *(u8 *)(r${offset} +0)`);
            w.numbers.add(offset);
        }
    }
}
/** A place in the value that comparisons bound. */
function boundedAccess(w, pointer, valueSize) {
    const { random } = w;
    const index = existingNumber(w);
    const offset = index === 2 ? 1 : 2;
    const out = newLabel(w);
    const last = valueSize - 1 + (goWrong(w) ? 1 : 0);
    const r = random.chance(70) ? "r" : "w";
    hold(w, offset);
    emit(w, `${r}${offset} = ${r}${index}`);
    if (random.chance(60)) {
        emit(w, `if ${r}${offset} ${random.pick(["> 0x", "s> 0x"])}${last.toString(16)} goto ${out}`);
        // The signed comparison alone leaves negative numbers.
        if (w.lines.at(-1)?.includes("s>"))
            emit(w, `if ${r}${offset} s< 0x0 goto ${out}`);
    }
    else {
        const inside = newLabel(w);
        emit(w, `if ${r}${offset} <= 0x${last.toString(16)} goto ${inside}`, `goto ${out}`, `${inside}:`);
    }
    emit(w, `r${offset} += r${pointer}`, `*(u8 *)(r${offset} +0) = ${random.below(256)}`, `${out}:`, `r${offset} = 1`);
    w.numbers.add(offset);
}
/** The value's pointer goes to the stack and comes back in another register. */
function spill(w, pointer, place) {
    const reg = w.random.pick([1, 2, 3, 4, 5]);
    hold(w, reg);
    emit(w, `*(u64 *)(r10 -${POINTER_SLOT}) = r${pointer}`, `r${reg} = *(u64 *)(r10 -${POINTER_SLOT})`);
    emit(w, `r${reg} = ${place.replace(`r${pointer}`, `r${reg}`)}`);
    w.numbers.add(reg);
}
function existingNumber(w) {
    const scratch = [...w.numbers].filter((reg) => !w.reserved.has(reg));
    if (scratch.length > 0)
        return w.random.pick(scratch);
    emit(w, `r3 = ${w.random.imm()}`);
    w.numbers.add(3);
    return 3;
}
function update(w) {
    const { map, index } = pickMap(w);
    value(w, map);
    key(w, map);
    emit(w, `r1 = map[fd:${index}]`, `r4 = ${goWrong(w) ? w.random.imm() : w.random.pick([0, 0, 0, 1, 2, 3])}`);
    emit(w, "call bpf_map_update_elem");
    afterCall(w, "number");
}
function remove(w) {
    const { map, index } = pickMap(w);
    key(w, map);
    emit(w, `r1 = map[fd:${index}]`, "call bpf_map_delete_elem");
    afterCall(w, "number");
}
/** The value of a one-element array through its address in the instruction. */
function directValue(w) {
    const found = w.maps.findIndex((map) => map.kind === "array" && map.maxEntries === 1);
    const map = w.maps[found];
    if (map === undefined) {
        lookup(w);
        return;
    }
    const free = [1, 2, 3, 4, 5, 7, 8, 9].filter((reg) => !w.reserved.has(reg));
    const pointer = w.random.pick(free);
    const base = goWrong(w) ? map.valueSize : w.random.below(map.valueSize >> 1);
    hold(w, pointer);
    const last = map.valueSize - base - 1;
    const other = pointer === 1 ? 2 : 1;
    emit(w, `r${pointer} = map[fd:${found}][0]+${base}`);
    if (w.random.chance(50))
        emit(w, `*(u8 *)(r${pointer} +0) = ${w.random.imm()}`);
    emit(w, `r${other} = *(u8 *)(r${pointer} ${last < 0 ? last : `+${last}`})`, `r${pointer} = 0`);
    w.numbers.add(other);
    w.numbers.add(pointer);
}
function tailCall(w) {
    const index = w.maps.findIndex((map) => map.kind === "prog_array");
    const numbers = [...w.numbers];
    const slot = numbers.length > 0 && w.random.chance(30) ? `r${w.random.pick(numbers)}` : `${w.random.below(6)}`;
    if (w.random.chance(60) && numbers.length > 0) {
        const around = newLabel(w);
        emit(w, `if r${w.random.pick(numbers)} ${w.random.pick(COMPARES)} 0x${w.random.below(32).toString(16)} goto ${around}`);
        emit(w, `r3 = ${slot}`, `r1 = r${w.ctx}`, `r2 = map[fd:${index}]`, "call bpf_tail_call", `${around}:`);
    }
    else {
        emit(w, `r3 = ${slot}`, `r1 = r${w.ctx}`, `r2 = map[fd:${index}]`, "call bpf_tail_call");
    }
    afterCall(w, "none");
}
//# sourceMappingURL=map_statements.js.map