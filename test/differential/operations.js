import { anyNumber, emit, freeRegister } from "./writer.js";
/** Comparison operators of jumps. */
export const COMPARES = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
/** A number's register that may be changed. */
export function destination(w) {
    const reg = anyNumber(w);
    if (!w.reserved.has(reg))
        return reg;
    const free = freeRegister(w);
    emit(w, `r${free} = r${reg}`);
    w.numbers.add(free);
    return free;
}
/** Marks bytes of the stack as written or not; `at` is the distance below R10 of the first. */
export function markStack(w, at, size, written) {
    for (let i = 0; i < size; i++)
        w.stack[at - i - 1] = written;
}
/** An atomic operation on memory of a kind that allows it. */
export function atomic(w, base, off, size) {
    const type = `u${8 * size}`;
    const name = size === 8 ? "atomic64" : "atomic";
    const place = `(${type} *)(r${base} ${off < 0 ? off : `+${off}`})`;
    const src = destination(w);
    if (src === base)
        return;
    const kind = w.random.below(10);
    if (kind < 3)
        emit(w, `lock *${place} ${w.random.pick(["+=", "|=", "&=", "^="])} r${src}`);
    else if (kind < 7) {
        emit(w, `r${src} = ${name}_${w.random.pick(["fetch_add", "fetch_or", "fetch_and", "fetch_xor", "xchg"])}(${place}, r${src})`);
    }
    else if (kind < 8 && base !== 0 && !w.reserved.has(0)) {
        if (!w.numbers.has(0))
            emit(w, `r0 = ${w.random.imm()}`);
        emit(w, `r0 = ${name}_cmpxchg(${place}, r0, r${src})`);
        w.numbers.add(0);
    }
    else if (kind < 9)
        emit(w, `r${src} = load_acquire(${place})`);
    else
        emit(w, `store_release(${place}, r${src})`);
}
//# sourceMappingURL=operations.js.map