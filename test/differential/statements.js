import { mapStatements } from "./map_statements.js";
import { atomic, COMPARES, destination, markStack } from "./operations.js";
import { packetStatements } from "./packet_statements.js";
import { afterCall, anyNumber, emit, fork, freeRegister, goWrong, meet, NUMBER_STACK, newLabel, POINTER_SLOT, } from "./writer.js";
const OPS = [
    "+=",
    "-=",
    "*=",
    "/=",
    "s/=",
    "%=",
    "s%=",
    "|=",
    "&=",
    "^=",
    "<<=",
    ">>=",
    "s>>=",
    "=",
];
const SHIFTS = ["<<=", ">>=", "s>>="];
const DIVIDES = ["/=", "s/=", "%=", "s%="];
const SIZES = [1, 2, 4, 8];
function arithmetic(w) {
    const { random } = w;
    for (let n = random.between(1, 4); n > 0; n--) {
        const op = random.pick(OPS);
        const r = random.chance(60) ? "r" : "w";
        const dst = op === "=" ? freeRegister(w) : destination(w);
        if (random.chance(45)) {
            emit(w, `${r}${dst} ${op} ${immediate(w, op, r)}`);
        }
        else {
            const src = anyNumber(w);
            const sign = op === "=" && random.chance(30)
                ? random.pick(r === "r" ? ["(s8)", "(s16)", "(s32)"] : ["(s8)", "(s16)"])
                : "";
            emit(w, `${r}${dst} ${op} ${sign}${r}${src}`);
        }
        w.numbers.add(dst);
    }
}
function immediate(w, op, r) {
    if (SHIFTS.includes(op))
        return goWrong(w) ? w.random.imm() : w.random.below(r === "r" ? 64 : 32);
    const imm = w.random.imm();
    return DIVIDES.includes(op) && imm === 0 && !goWrong(w) ? 7 : imm;
}
function unary(w) {
    const reg = destination(w);
    const text = w.random.pick([
        "neg",
        "neg32",
        "be16",
        "be32",
        "be64",
        "le16",
        "le32",
        "bswap16",
        "bswap32",
        "bswap64",
    ]);
    if (text === "neg")
        emit(w, `r${reg} = -r${reg}`);
    else if (text === "neg32")
        emit(w, `w${reg} = -w${reg}`);
    else
        emit(w, `r${reg} = ${text} r${reg}`);
}
function bigConstant(w) {
    const reg = freeRegister(w);
    const high = (w.random.imm() >>> 0).toString(16);
    const low = (w.random.imm() >>> 0).toString(16).padStart(8, "0");
    emit(w, `r${reg} = 0x${high}${low} ll`);
    w.numbers.add(reg);
}
function stackStore(w) {
    const size = w.random.pick(SIZES);
    const at = size * w.random.between(1, NUMBER_STACK / size) + (goWrong(w) ? w.random.between(-600, 600) : 0);
    if (w.random.chance(30))
        emit(w, `*(u${8 * size} *)(r10 -${at}) = ${w.random.imm()}`.replace("--", "+"));
    else
        emit(w, `*(u${8 * size} *)(r10 -${at}) = r${anyNumber(w)}`.replace("--", "+"));
    if (at > 0 && at <= NUMBER_STACK)
        markStack(w, at, size, 1);
}
/** Places of the stack with `size` written bytes, aligned. */
function written(w, size) {
    const places = [];
    for (let at = size; at <= NUMBER_STACK; at += size) {
        if (w.stack.subarray(at - size, at).every((byte) => byte === 1))
            places.push(at);
    }
    return places;
}
function stackLoad(w) {
    const size = w.random.pick(SIZES);
    const places = written(w, size);
    if (places.length === 0) {
        stackStore(w);
        return;
    }
    const at = goWrong(w) ? w.random.between(1, 600) : w.random.pick(places);
    const reg = freeRegister(w);
    const signed = size < 8 && w.random.chance(30);
    emit(w, `r${reg} = *(${signed ? "s" : "u"}${8 * size} *)(r10 -${at})`);
    w.numbers.add(reg);
}
/** A read of the stack at a place that only its mask bounds. */
function stackVariable(w) {
    const index = anyNumber(w);
    const pointer = freeRegister(w, [1, 2, 3, 4, 5, 7, 8, 9].filter((reg) => reg !== index));
    const offset = freeRegister(w, [0, 1, 2, 3, 4, 5].filter((reg) => reg !== pointer));
    for (let at = 8; at <= 64; at += 8) {
        if (!w.stack.subarray(at - 8, at).every((byte) => byte === 1))
            emit(w, `*(u64 *)(r10 -${at}) = ${w.random.imm()}`);
    }
    markStack(w, 64, 64, 1);
    emit(w, `r${offset} = r${index}`, `r${offset} &= ${goWrong(w) ? w.random.imm() : w.random.pick([7, 15, 31, 55, 56])}`, `r${pointer} = r10`, `r${pointer} += -64`, `r${pointer} += r${offset}`);
    if (w.random.chance(50))
        emit(w, `*(u8 *)(r${pointer} +0) = ${w.random.imm()}`);
    emit(w, `r${offset} = *(u8 *)(r${pointer} +0)`, `r${pointer} = 0`);
    w.numbers.add(offset);
    w.numbers.add(pointer);
}
/** The context goes to the stack and comes back. */
function spillContext(w) {
    if (w.ctx === undefined) {
        arithmetic(w);
        return;
    }
    const reg = freeRegister(w, [1, 2, 3, 4, 5, 7, 8, 9]);
    const back = w.type === "xdp" ? 12 : w.random.pick([0, 8, 16]);
    emit(w, `*(u64 *)(r10 -${POINTER_SLOT}) = r${w.ctx}`, `r${reg} = *(u64 *)(r10 -${POINTER_SLOT})`);
    emit(w, `r${reg} = *(u32 *)(r${reg} +${back})`);
    w.numbers.add(reg);
}
function branch(w) {
    if (w.depth > 3) {
        arithmetic(w);
        return;
    }
    const { random } = w;
    const label = newLabel(w);
    const r = random.chance(65) ? "r" : "w";
    const left = anyNumber(w);
    const right = random.chance(60) ? `0x${(random.imm() >>> 0).toString(16)}` : `${r}${anyNumber(w)}`;
    emit(w, `if ${r}${left} ${random.pick(COMPARES)} ${right} goto ${label}`);
    const inside = fork(w);
    block(inside, random.between(1, 4));
    if (random.chance(35)) {
        const end = newLabel(w);
        emit(w, random.chance(20) ? `gotol ${end}` : `goto ${end}`, `${label}:`);
        const other = fork(w);
        other.budget = inside.budget;
        block(other, random.between(1, 3));
        emit(w, `${end}:`);
        w.numbers.clear();
        for (const reg of inside.numbers)
            w.numbers.add(reg);
        w.stack.set(inside.stack);
        meet(w, other);
    }
    else {
        emit(w, `${label}:`);
        meet(w, inside);
    }
}
function loop(w) {
    if (w.depth > 2 || w.inLoop) {
        arithmetic(w);
        return;
    }
    const { random } = w;
    const counters = [7, 8, 9].filter((reg) => !w.reserved.has(reg));
    if (counters.length < 2) {
        arithmetic(w);
        return;
    }
    const counter = random.pick(counters);
    const turns = random.weighted([
        [70, random.between(1, 8)],
        [25, random.between(9, 40)],
        [5, random.between(41, 300)],
    ]);
    const down = random.chance(30);
    const head = newLabel(w);
    w.numbers.delete(counter);
    emit(w, `r${counter} = ${down ? turns : 0}`);
    w.reserved.add(counter);
    // What the body's calls may destroy is not known at the head either.
    for (let reg = 0; reg <= 5; reg++)
        w.numbers.delete(reg);
    emit(w, `${head}:`);
    const body = fork(w);
    body.inLoop = true;
    block(body, random.between(1, turns > 40 ? 2 : 4));
    const wrong = goWrong(w);
    if (down) {
        emit(w, `r${counter} += -1`, `if r${counter} ${wrong ? "s<" : "!="} 0x0 goto ${head}`);
    }
    else {
        const compare = random.pick(["<", "!=", "s<"]);
        if (!wrong)
            emit(w, `r${counter} += 1`);
        emit(w, `if r${counter} ${compare} 0x${turns.toString(16)} goto ${head}`);
    }
    w.reserved.delete(counter);
    meet(w, body);
    w.numbers.add(counter);
}
function callSubprogram(w) {
    if (w.callable.length === 0) {
        arithmetic(w);
        return;
    }
    const callable = w.callable.filter(({ context }) => !context || w.ctx !== undefined);
    if (callable.length === 0) {
        arithmetic(w);
        return;
    }
    const { name, args, context } = w.random.pick(callable);
    const passed = goWrong(w) ? args - 1 : args;
    // Arguments come from registers that no earlier argument has overwritten.
    const lasting = [...w.numbers].filter((reg) => reg > 5 || reg === 0);
    if (context)
        emit(w, `r1 = r${w.ctx}`);
    for (let arg = context ? 2 : 1; arg <= passed; arg++) {
        const from = lasting.length > 0 && w.random.chance(60) ? `r${w.random.pick(lasting)}` : `${w.random.imm()}`;
        emit(w, `r${arg} = ${from}`);
    }
    emit(w, `call ${name}`);
    afterCall(w, "number");
}
function atomicOnStack(w) {
    const size = w.random.pick([4, 8]);
    const places = written(w, 8);
    const at = places.length === 0 ? 8 : w.random.pick(places);
    if (places.length === 0) {
        emit(w, "*(u64 *)(r10 -8) = 5");
        markStack(w, 8, 8, 1);
    }
    atomic(w, 10, -at, size);
}
/** A helper whose result no two kernels share: only that it can be called is tested. */
function unpredictable(w) {
    emit(w, `call bpf_${w.random.pick(["ktime_get_ns", "get_prandom_u32", "get_smp_processor_id"])}`, "r0 >>= 63", "r0 <<= 1");
    afterCall(w, "number");
    if (goWrong(w))
        w.numbers.add(w.random.between(1, 5));
}
function earlyExit(w) {
    if (w.depth === 0 || w.depth > 2) {
        arithmetic(w);
        return;
    }
    const label = newLabel(w);
    emit(w, `if r${anyNumber(w)} ${w.random.pick(COMPARES)} 0x${w.random.below(64).toString(16)} goto ${label}`);
    emit(w, `r0 = ${w.random.below(3)}`, "exit", `${label}:`);
}
function mayGoto(w) {
    if (w.inLoop || w.depth > 1) {
        arithmetic(w);
        return;
    }
    // A loop that its own condition ends long before the budget does.
    const counters = [7, 8, 9].filter((reg) => !w.reserved.has(reg));
    const counter = counters[0];
    if (counter === undefined) {
        arithmetic(w);
        return;
    }
    const [head, end] = [newLabel(w), newLabel(w)];
    for (let reg = 0; reg <= 5; reg++)
        w.numbers.delete(reg);
    emit(w, `r${counter} = 0`, `${head}:`, `may_goto ${end}`, `r${counter} += 1`);
    w.numbers.delete(counter);
    w.reserved.add(counter);
    const body = fork(w);
    body.inLoop = true;
    block(body, 2);
    emit(w, `if r${counter} < 0x${w.random.between(1, 50).toString(16)} goto ${head}`, `${end}:`);
    w.reserved.delete(counter);
    meet(w, body);
    w.numbers.add(counter);
}
const COMMON = [
    [26, arithmetic],
    [5, unary],
    [4, bigConstant],
    [8, stackStore],
    [8, stackLoad],
    [3, stackVariable],
    [10, branch],
    [5, loop],
    [5, callSubprogram],
    [5, atomicOnStack],
    [2, unpredictable],
    [2, earlyExit],
    [1, mayGoto],
    [2, spillContext],
];
/** Writes a few statements. */
export function block(w, statements) {
    const choices = [...COMMON, ...mapStatements(w), ...(w.ctx === undefined ? [] : packetStatements(w))];
    for (let n = statements; n > 0 && w.budget > 0; n--) {
        w.budget--;
        w.random.weighted(choices)(w);
    }
}
//# sourceMappingURL=statements.js.map